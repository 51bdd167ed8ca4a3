package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// The functions of this file look at eight bytes at once, as one number: what they do to the number they do to each of its bytes. A
// subtraction that borrows, or an addition that carries, spoils only bytes behind one that matches itself, and the first match is all that counts.
const (
	ones = 0x0101010101010101 // times a byte: that byte eight times
	tops = 0x80 * ones        // the highest bit of each byte
)

// plain returns the index of the first quote, backslash or control character from i on, len(data) when there is none.
func plain(data []byte, i int) int {
	for ; i+8 <= len(data); i += 8 {
		if hit := special(binary.LittleEndian.Uint64(data[i:])); hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	return i + bits.TrailingZeros64(special(rest(data, i)))/8
}

// special sets the highest bit of the first byte of w that is a quote, a backslash or a control character; it is 0 when there is none. With
// the bit 2 changed, a quote stands at 0x20 directly behind the control characters, and a blank does not.
func special(w uint64) uint64 {
	return (((w ^ 0x02*ones) - 0x21*ones) | ((w ^ '\\'*ones) - ones)) &^ w & tops
}

// digits returns the index of the first byte from i on that is no digit, len(data) when there is none.
func digits(data []byte, i int) int {
	for ; i+8 <= len(data); i += 8 {
		if hit := noDigit(binary.LittleEndian.Uint64(data[i:])); hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	return i + bits.TrailingZeros64(noDigit(rest(data, i)))/8
}

// noDigit sets the highest bit of the first byte of w that is no digit. Digits become 0 to 9; to all that is more, up to 0x7f, the sum gives
// that bit.
func noDigit(w uint64) uint64 {
	w ^= '0' * ones
	return ((w + (0x80-10)*ones) | w) & tops
}

// rest is the word of the last bytes of data, fewer than eight, from i on. Behind the end it has zeros, where special and noDigit stop.
func rest(data []byte, i int) (w uint64) {
	if len(data) >= 8 {
		return binary.LittleEndian.Uint64(data[len(data)-8:]) >> (64 - 8*(len(data)-i))
	}
	for n := len(data) - 1; n >= i; n-- {
		w = w<<8 | uint64(data[n])
	}
	return w
}
