package stores

import (
	"bufio"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// Request is one whose signature is right.
type Request struct {
	*http.Request
	Bucket, Key string
	Body        []byte
	Trailer     textproto.MIMEHeader // of a body in chunks
}

// Chunked reports whether the body came in the chunks of AWS, with its checksum behind it.
func (u *Request) Chunked() bool {
	return strings.HasPrefix(u.Header.Get("X-Amz-Content-Sha256"), "STREAMING-")
}

// Checksum is the name of the header or trailer that holds a checksum of the body, in lower case; "" for none.
func (u *Request) Checksum() string {
	if u.Header.Get("Content-Md5") != "" {
		return "content-md5"
	}
	for name := range u.Header {
		lower := strings.ToLower(name)
		if kind, ok := strings.CutPrefix(lower, "x-amz-checksum-"); ok && kind != "algorithm" && kind != "type" {
			return lower
		}
	}
	return u.Header.Get("X-Amz-Trailer")
}

// read takes the body and compares it with what the request says of it.
func (u *Request) read() *Refusal {
	var err error
	if u.Chunked() {
		u.Body, u.Trailer, err = unchunk(u.Request.Body)
	} else {
		u.Body, err = io.ReadAll(u.Request.Body)
	}
	if err != nil {
		return &Refusal{Status: 400, Code: "IncompleteBody", Message: "You did not provide the number of bytes specified by the Content-Length HTTP header."}
	}
	if n := u.Header.Get("X-Amz-Decoded-Content-Length"); u.Chunked() && n != strconv.Itoa(len(u.Body)) {
		return &Refusal{Status: 400, Code: "IncompleteBody", Message: "The body has not the length " + n}
	}
	sum := sha256.Sum256(u.Body)
	if said := u.Header.Get("X-Amz-Content-Sha256"); len(said) == 64 && said != hex.EncodeToString(sum[:]) {
		return &Refusal{Status: 400, Code: "XAmzContentSHA256Mismatch", Message: "The provided 'x-amz-content-sha256' header does not match what was computed."}
	}
	md := md5.Sum(u.Body)
	crc := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(u.Body))
	for name, sum := range map[string][]byte{"Content-Md5": md[:], "X-Amz-Checksum-Crc32": crc} {
		if said := u.Header.Get(name) + u.Trailer.Get(name); said != "" && said != base64.StdEncoding.EncodeToString(sum) {
			return &Refusal{Status: 400, Code: "BadDigest", Message: "The " + name + " you specified did not match the calculated checksum."}
		}
	}
	return nil
}

// unchunk reads a body of Content-Encoding aws-chunked (Amazon S3 API Reference, "Including trailing headers").
func unchunk(r io.Reader) (body []byte, trailer textproto.MIMEHeader, err error) {
	lines := textproto.NewReader(bufio.NewReader(r))
	for {
		line, err := lines.ReadLine()
		if err != nil {
			return nil, nil, err
		}
		size, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseInt(size, 16, 32)
		if err != nil {
			return nil, nil, err
		}
		if n == 0 {
			trailer, err = lines.ReadMIMEHeader()
			if err == io.EOF {
				err = nil
			}
			return body, trailer, err
		}
		chunk := make([]byte, n)
		if _, err := io.ReadFull(lines.R, chunk); err != nil {
			return nil, nil, err
		}
		if _, err := lines.ReadLine(); err != nil {
			return nil, nil, err
		}
		body = append(body, chunk...)
	}
}
