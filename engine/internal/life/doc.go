// Package life is one life of a pipeline as all of its goroutines see it: the contexts that end it, its log and its observer.
//
// Here belongs only what every package of the way needs. What a few of them share is in one of these.
package life
