package config

// SetStorage replaces what is known of the storage below paths.
func SetStorage(o *Options, storage func(path string) string) { o.storage = storage }

// VolatileStorage is volatileStorage.
func VolatileStorage(path string) string { return volatileStorage(path) }
