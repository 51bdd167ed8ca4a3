package http

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

const perRequest = 1000

// BenchmarkRequests takes requests of 1000 lines of 262 bytes from four clients over loopback, the answer included; an operation is a
// request. Beside it the least that a server in Go can do, which is to read the body and to answer. CPU seconds a million messages are those of the
// process, the clients included; these only write bytes that are ready and read a line.
func BenchmarkRequests(b *testing.B) {
	lines := logLines()
	array := "[" + string(bytes.ReplaceAll(bytes.TrimSpace(lines), []byte("\n"), []byte(","))) + "]"
	const plain, object = "application/x-ndjson", "application/json"
	b.Run("net/http alone", func(b *testing.B) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		}))
		defer server.Close()
		drive(b, server.Listener.Addr().String(), rawRequest(string(lines), plain, ""), b.N)
	})
	for _, row := range []struct{ name, body, contentType, encoding string }{
		{"lines", string(lines), plain, ""}, {"array", array, object, ""},
		{"lines gzip", packGzip(string(lines)), plain, "gzip"}, {"lines zstd", packZstd(string(lines)), plain, "zstd"},
	} {
		b.Run(row.name, func(b *testing.B) {
			in := listen(b, local())
			defer consume(b, in)()
			drive(b, in.address, rawRequest(row.body, row.contentType, row.encoding), b.N)
		})
	}
}

// What a message of a large request may allocate beside its body: nearly nothing. What a request does is done once for all of them.
func TestBudgetOfARequest(t *testing.T) {
	in := listen(t, local())
	defer consume(t, in)()
	request := rawRequest(string(logLines()), "application/x-ndjson", "")
	enginetest.Budget{Allocations: 0.1, Bytes: 350}.Check(t, 100*perRequest, func() { drive(t, in.address, request, 100) })
}

func logLines() []byte {
	var lines []byte
	for i := range perRequest {
		lines = fmt.Appendf(lines, `{"seq":%d,"source":"app1","text":"%0225d"}`+"\n", 100_000+i, i)
	}
	return lines
}

func rawRequest(body, contentType, encoding string) []byte {
	head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: %d\r\n", contentType, len(body))
	if encoding != "" {
		head += "Content-Encoding: " + encoding + "\r\n"
	}
	return []byte(head + "\r\n" + body)
}

// consume reads and acks, as a pipeline does that stores at once, until the function that it returns is called.
func consume(tb testing.TB, in *input) func() {
	ctx, cancel := context.WithCancel(context.Background())
	var reader sync.WaitGroup
	reader.Go(func() {
		var b engine.Batch
		for in.Read(ctx, &b) == nil {
			if err := in.Ack(ctx, []uint64{b.Tag}); err != nil {
				tb.Error(err)
			}
			clear(b.Messages)
			b.Messages = b.Messages[:0]
		}
	})
	return func() { cancel(); reader.Wait() }
}

// drive sends n requests, one after another on each of four connections.
func drive(tb testing.TB, address string, request []byte, n int) {
	b, _ := tb.(*testing.B)
	var clients sync.WaitGroup
	var sent atomic.Int64
	var conns []net.Conn
	for range 4 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			tb.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	before := cpu(tb)
	if b != nil {
		b.SetBytes(int64(len(request)))
		b.ReportAllocs()
		b.ResetTimer()
	}
	for _, c := range conns {
		clients.Go(func() {
			answers := bufio.NewReader(c)
			for sent.Add(1) <= int64(n) {
				if _, err := c.Write(request); err != nil {
					tb.Error(err)
					return
				}
				if err := skipAnswer(answers); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	if b != nil {
		messages := float64(n * perRequest)
		b.ReportMetric(messages/b.Elapsed().Seconds(), "msg/s")
		b.ReportMetric((cpu(tb)-before).Seconds()/messages*1e6, "cpu-s/M")
	}
}

// skipAnswer reads an answer, which must be a 200.
func skipAnswer(r *bufio.Reader) error {
	first, err := r.ReadSlice('\n')
	if err != nil || !bytes.HasPrefix(first, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("answered %q, %v", first, err)
	}
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if rest, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, c := range bytes.TrimSpace(rest) {
				length = length*10 + int(c-'0')
			}
		}
		if len(bytes.TrimSpace(line)) == 0 {
			_, err := r.Discard(length)
			return err
		}
	}
}

// cpu is the CPU time that this process has used.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
