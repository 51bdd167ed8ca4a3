package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

const module = "github.com/logpipe/logpipe/"

// chosenPackages are the named ones, or those whose tests speak to a broker.
func chosenPackages(tags string, names []string) ([]string, error) {
	all, err := list(append([]string{"list", "-tags=" + tags, "-json=ImportPath,TestImports,XTestImports"}, orAll(names)...))
	if err != nil {
		return nil, err
	}
	var chosen []string
	for _, p := range all {
		if len(names) > 0 || p.speaksToBroker() {
			chosen = append(chosen, p.ImportPath)
		}
	}
	return chosen, nil
}

func orAll(names []string) []string {
	if len(names) > 0 {
		return names
	}
	return []string{module + "..."}
}

// listed is what `go list` says of a package.
type listed struct {
	ImportPath                string
	TestImports, XTestImports []string
}

// speaksToBroker tells it by what the tests import: package world, which has a
// broker for each test, or package servers and the library for AMQP. The tests
// of servers itself start brokers.
func (p listed) speaksToBroker() bool {
	tests := slices.Concat(p.TestImports, p.XTestImports)
	has := func(name string) bool { return slices.Contains(tests, name) }
	amqp := has("github.com/rabbitmq/amqp091-go")
	return has(module+"test/world") || amqp && (has(module+"test/servers") || p.ImportPath == module+"test/servers")
}

// list runs the go command, whose answer is one JSON object after the other.
func list(args []string) ([]listed, error) {
	out, err := exec.Command("go", args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("go list: %w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the answer of go list: %w", err)
		}
		all = append(all, p)
	}
}
