// Package framing has the numbers of AMQP 0-9-1's frames, for those who read and those who write them below the library.
//
// Section 2.3.5: a frame is its kind (1 byte), channel (2) and payload's length (4), the payload, and an end byte. The payload of a method begins
// with the numbers of its class and of itself, 2 bytes each.
package framing

// Kinds of frames, and the byte behind each.
const (
	Method    = 1
	Header    = 2
	Body      = 3
	Heartbeat = 8
	End       = 0xCE
)

// Lengths in bytes.
const (
	Head       = 7        // of a frame, before the payload
	Overhead   = Head + 1 // what a frame has beside its payload
	MethodHead = 4        // of a method, before its arguments
)

// ClassBasic is the class of messages.
const ClassBasic = 60
