// Package smallest holds the smallest plugin of each kind that is complete: it has a configuration and a documentation, keeps the promise, and passes
// the suite of its kind in engine/enginetest. Copy one to begin with.
package smallest
