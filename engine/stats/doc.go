// Package stats counts what happens in pipelines, for all who look: the status line and the summary, metrics, the status page, alerts.
// It is told once a chunk or a batch, and costs some atomic additions then.
//
//	set.go        the pipelines of a process
//	reloads.go    how often its files were read again, and whether they were refused
//	pipeline.go   one of them: its steps, its life
//	look.go       its present State, also of one that hangs
//	step.go       the counters of a step
//	failures.go   what went wrong last, and how often
//	histogram.go  how long things take
package stats
