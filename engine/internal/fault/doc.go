// Package fault has the errors that the engine makes and that package engine tells apart, and makes panics of plugins errors: each call
// of a plugin goes through Guard.
//
// Errors that plugins make, or look for, are in package engine.
package fault
