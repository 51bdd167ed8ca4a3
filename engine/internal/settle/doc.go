// Package settle enters messages and batches in the books: a chunk is admitted, messages are tied to its receipt, released, become more, or
// are void and discarded. It is the one way from a message to its receipt.
//
// Here belongs what is done to the messages of a batch whatever the place of the way; when that is right is for the callers to say.
package settle
