// Package process runs transforms and stages between channels, and carries out what they say of messages: rejects, drops, splits. It
// checks that a transform keeps its contract.
//
// Here belongs what stands between reading and writing. Policies wrap an output and belong to package deliver.
package process
