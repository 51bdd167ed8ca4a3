// Package deliver writes: a Branch is one way to an output, with its workers, its attempts to write to the output and the fallback, what
// is held because it can be written nowhere, and the dead letters, which a Burier writes.
//
// Here belongs what is done with a sealed batch until all of it is settled, and what is known of an output meanwhile: whether it is
// well, what it has not answered yet. When something is tried again is said by package tries; the way home from a fallback is package
// recovery.
package deliver
