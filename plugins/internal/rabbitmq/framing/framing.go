// Package framing has the numbers of AMQP 0-9-1's frames, for those who read and those who write them below the library.
//
// Section 2.3.5: a frame is its kind (1 byte), channel (2) and payload's length (4), the payload, and an end byte. The payload of a method begins
// with the numbers of its class and of itself, 2 bytes each.
package framing

import "encoding/binary"

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

// Frame is the head of a frame.
type Frame struct {
	Kind    byte
	Channel uint16
	Size    int // of the payload
}

// At reads the head of the frame at the beginning of b, which has Head bytes at least.
func At(b []byte) Frame {
	return Frame{Kind: b[0], Channel: binary.BigEndian.Uint16(b[1:]), Size: int(binary.BigEndian.Uint32(b[3:]))}
}

// Known reports whether this can be a frame at all. What is none, such as the answer of a web server, is the library's to explain.
func (f Frame) Known() bool { return f.Kind >= Method && f.Kind <= Body || f.Kind == Heartbeat }

// Total is the length of the whole frame.
func (f Frame) Total() int { return f.Size + Overhead }

// MethodAt is the class and number of the method in the frame at the beginning of b, which has Head + MethodHead bytes at least.
func MethodAt(b []byte) uint32 { return binary.BigEndian.Uint32(b[Head:]) }
