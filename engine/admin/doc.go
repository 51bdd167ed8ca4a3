// Package admin is the HTTP side of a process: metrics, health and profiles, and the place where the status page hangs. Nothing here
// is on the way of the data, and nothing that goes wrong here disturbs the logs.
//
//	server.go  listening, and trying again while a port is taken
//	conns.go   how many connections there are at most, and who has to go
//	guard.go   which requests are answered
//	metrics.go what Prometheus reads: steps.go the counters, states.go what is at this moment, histogram.go how long things take
//	health.go  whether the process lives and is ready; profiles
package admin
