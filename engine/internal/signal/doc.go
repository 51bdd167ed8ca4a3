// Package signal wakes goroutines by channels: Poke is a wake-up that is not lost when nobody waits yet.
package signal
