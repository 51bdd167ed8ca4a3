// Package completion presses TAB in real shells: what people install as the help says it, in a terminal, with the command itself behind it.
package completion
