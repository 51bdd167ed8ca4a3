// Package compose has the test of compose.yaml. It is a module of its own, because Compose's own loader, which nothing else needs,
// brings a dozen modules along.
package compose
