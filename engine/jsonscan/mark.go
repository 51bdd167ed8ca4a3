package jsonscan

// mark is the byte order mark of UTF-8.
const mark = "\xef\xbb\xbf"

// Mark is how many bytes the byte order mark of UTF-8 takes with which data begins, 0 where there is none. It is no part of
// the text: programs of Windows and .NET write it to say how a text is encoded. RFC 8259, section 8.1: who writes JSON must
// not write it, and who reads JSON may pass over it.
func Mark(data []byte) int {
	if len(data) >= len(mark) && data[0] == mark[0] && string(data[:len(mark)]) == mark {
		return len(mark)
	}
	return 0
}

// IsUTF16 reports whether data begins with the byte order mark of UTF-16, in either order, or of UTF-32 as Windows writes it.
// Nothing here reads such text: it is not JSON, and a line feed in it is no byte of its own.
func IsUTF16(data []byte) bool {
	return len(data) >= 2 && (data[0] == 0xff && data[1] == 0xfe || data[0] == 0xfe && data[1] == 0xff)
}
