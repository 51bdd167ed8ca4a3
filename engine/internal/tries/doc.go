// Package tries answers when what failed is tried again, and whose fault it was: back-offs, what waits for another try, and the evidence
// on which a batch or its output is blamed.
//
// Here belong times to wait and reasons to wait, with the ends of a drain, at which nothing may be found waiting. What is tried, and
// what becomes of it, is in packages deliver and recovery. There are no goroutines here.
package tries
