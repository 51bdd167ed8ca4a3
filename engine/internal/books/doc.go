// Package books keeps the books of what is unsettled: a Receipt for each chunk, the Epoch, which is the connection that it came through,
// the Window, which bounds what one input may have unsettled, and the queue of settled chunks whose acks the source has not got yet.
//
// Here also belongs what a message or a batch carries for the engine alone, because package engine imports this one. It knows nothing of
// messages beyond their number, of events and of goroutines: who reads and who writes is elsewhere, and package settle enters messages.
package books
