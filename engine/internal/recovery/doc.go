// Package recovery brings home what is in a fallback: it reads sealed batches back, writes each to the branch's output under its own
// name, and knows those that the output refuses, so that others pass them.
//
// Here belongs the way back. It uses a branch of package deliver, which knows nothing of it but two channels that wake it.
package recovery
