package stdout

// Config is the block output "stdout". It has no attributes.
type Config struct{}

// Defaults are the values of what a configuration leaves out.
func Defaults() Config { return Config{} }
