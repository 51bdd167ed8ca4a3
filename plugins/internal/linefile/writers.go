package linefile

import "os"

// Writers says whether another program can still write to a file that it has open. What a program does that opens the file anew is
// another matter: once the file is claimed, its name leads to another one.
type Writers int

const (
	// NoWriter says that nobody has the file open for writing.
	NoWriter Writers = iota
	// OpenWriter says that a program has the file open for writing, or has mapped it so.
	OpenWriter
	// LockingWriter says that a program has the file open for writing that asks for the lock before each write, and whether the
	// path still names this file (see Announce). It does not write to a claim.
	LockingWriter
	// UnknownWriters says that the system cannot tell, for us or for this file.
	UnknownWriters
)

// WritersOf asks who has f open for writing. f itself must be open for reading only.
var WritersOf = writersOf

// Announce makes f, which is open for reading and writing, known as one of a LockingWriter until it is closed. It is a courtesy:
// where the system has no such thing WritersOf has no use for it either.
func Announce(f *os.File) { announce(f) }
