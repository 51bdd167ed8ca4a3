// Package flow puts pipelines together and runs them: Pipeline is one, Run moves logs through it, Supervise keeps several running, and
// State is what one is at a moment, for who looks from outside.
//
// Here belongs what is about a pipeline as a whole: its wiring, the order in which its goroutines start and end, the drain, the fork to
// its branches. What happens to messages at one place of the way is in a package of engine/internal; package engine has the map.
// Authors of plugins need package engine alone.
package flow
