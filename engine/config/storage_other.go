//go:build !linux

package config

// volatileStorage can tell nothing on this system.
func volatileStorage(string) string { return "" }
