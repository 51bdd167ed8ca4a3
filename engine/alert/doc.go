// Package alert calls somebody when logs do not flow as they should. It looks at the counters and the state of the pipelines every few
// seconds and is never on the way of the data.
//
//	alert.go         what an alert is, and its labels
//	rules.go         what is watched: one condition for each rule, pipeline and step
//	watch.go         from conditions to alerts: pending, firing, resolved
//	engine.go        the loop, and the receivers, which can be replaced while it runs
//	sender.go        posts what changed, again until it is taken; never waited for
//	webhook.go       Alertmanager's webhook format, version 4
//	format.go        which format a URL takes: those of Slack and Teams are known
//	chat.go          messages for people, in the formats of Slack and Teams
//	alertmanager.go  Alertmanager's API, version 2
//	post.go          one HTTP request, whose errors hold no secret
package alert
