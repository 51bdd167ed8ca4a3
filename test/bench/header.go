package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/logpipe/logpipe/test/process"
)

// header prints what the figures were taken with.
func (b *bench) header(ctx context.Context) error {
	var broker struct {
		Version string `json:"rabbitmq_version"`
		Erlang  string `json:"erlang_version"`
	}
	if err := b.broker.Admin(ctx, "GET", "/api/overview", nil, &broker); err != nil {
		return err
	}
	peer := "none"
	if b.peer != "" {
		peer = filepath.Base(b.peer) + " " + strings.TrimPrefix(firstLine(exec.CommandContext(ctx, b.peer, "--version")), "Version: ")
	}
	commit := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--tags")
	commit.Dir = process.Root()
	fmt.Printf(`%s. %s, %d cores. logpipe %s, %s, amqp091-go %s, RabbitMQ %s on Erlang %s, %s, peer: %s.

CPU-s/M is CPU seconds of that process alone for a million messages. Load average before: %s.
`, time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), firstLine(commit), runtime.Version(), version("github.com/rabbitmq/amqp091-go"),
		broker.Version, broker.Erlang, b.s3.Version(), peer, load())
	return nil
}

// version is that of a library in this program.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version"
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	return "of unknown version"
}

// firstLine is what a command says in its first line.
func firstLine(cmd *exec.Cmd) string {
	out, err := cmd.Output()
	if err != nil {
		return "of unknown version"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

// processor is the name of the CPU.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
