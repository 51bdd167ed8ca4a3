// Package page shows people what the pipelines of this process do: a page for browsers and the same as JSON, which
// "logpipe top" reads.
//
//	status.go   what is shown, as JSON
//	page.go     where it is served
//	events.go   once a second, for as long as somebody looks
//	snapshot.go from the counters of engine/stats to what is shown
//	steps.go    the same for one step
//	judge.go    what is in trouble, in words
//	sampler.go  rates and the last 15 minutes: counters are looked at once a second
//	flow.go     what moves over each arrow
//	document.go the page's HTML with its CSS and JS inside
package page
