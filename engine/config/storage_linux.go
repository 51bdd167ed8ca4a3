package config

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// volatileStorage names the kind of storage that path lies on, if what is written there does not outlive the machine or the
// container; else it is "". A path that does not exist yet will be made where its nearest existing folder is.
func volatileStorage(path string) string {
	var fs unix.Statfs_t
	for unix.Statfs(path, &fs) != nil {
		parent := filepath.Dir(path)
		if parent == path {
			return ""
		}
		path = parent
	}
	switch int64(fs.Type) {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return "tmpfs, which is memory: it is empty after a restart of the machine"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "a container's own layer: it is gone when the container is replaced"
	}
	return ""
}
