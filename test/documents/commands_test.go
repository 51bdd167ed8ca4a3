package documents

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	call = regexp.MustCompile(`(?:^|\$ |&& |^[A-Z_]+=\S+ )(?:\./|bin/)?(?:my)?logpipe((?: +[^ |;&]+)*)`)
	flag = regexp.MustCompile(`(?m)^ {2,}(?:(-[a-z]), )?(--[a-z-]+)`)
	word = regexp.MustCompile(`^[a-z]+$`)
)

// helps keeps what is known of commands: the same few are shown again and again.
var helps = map[string][]string{}

// flags are those of a command, by its help; nil is no command.
func flags(t *testing.T, command ...string) (all []string) {
	t.Helper()
	name := strings.Join(command, " ")
	if known, asked := helps[name]; asked {
		return known
	}
	defer func() { helps[name] = all }()
	code, out, _ := logpipe(t, nil, "", append(command, "--help")...)
	if code != 0 || !strings.Contains(out, "logpipe "+name) {
		return nil
	}
	for _, m := range flag.FindAllStringSubmatch(out, -1) {
		all = append(all, m[1], m[2])
	}
	return all
}

// Whoever types what a document shows must not be told that there is no such command or flag.
func TestCommandsThatAreShownAreThere(t *testing.T) {
	commands, flagsSeen := map[string]bool{}, 0
	for _, p := range pages(t) {
		for _, line := range p.code() {
			if first, _, more := strings.Cut(line, " "); more && word.MatchString(first) && flags(t, first) != nil {
				line = "logpipe " + line // `run --watch`
			}
			for _, m := range call.FindAllStringSubmatch(line, -1) {
				words := strings.Fields(m[1])
				var command []string
				for len(words) > 0 && word.MatchString(words[0]) && flags(t, append(command, words[0])...) != nil {
					command, words = append(command, words[0]), words[1:]
				}
				known := flags(t, command...)
				commands[strings.Join(command, " ")] = true
				for _, w := range words {
					name, _, _ := strings.Cut(w, "=")
					if !strings.HasPrefix(name, "-") || name == "-" || name == "--" {
						continue
					}
					if flagsSeen++; !slices.Contains(known, name) {
						t.Errorf("%s shows %q: logpipe %s has no flag %s", p.name, line, strings.Join(command, " "), name)
					}
				}
			}
		}
	}
	if len(commands) < 10 || flagsSeen < 30 {
		t.Errorf("%d commands and %d flags are shown; are the patterns right?", len(commands), flagsSeen)
	}
}
