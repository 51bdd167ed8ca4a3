package linefile

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// writersOf asks for a lease, see fcntl(2): the kernel gives one for reading only while nobody has the file open for writing. It is
// given back at once. Who opens the file for writing in between waits those microseconds, and gets it. A lease needs a file of our
// own user, or the capability CAP_LEASE.
func writersOf(f *os.File) Writers {
	kind := kindOf(f)
	if kind == remote {
		return UnknownWriters
	}
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	}
	switch {
	case err == unix.EAGAIN && announced(f):
		return LockingWriter
	case err == unix.EAGAIN:
		return OpenWriter
	case err == nil && kind == local:
		return NoWriter
	}
	return UnknownWriters
}

// kind says whose word the kernel's is about the programs that have a file open.
type kind int

const (
	shared kind = iota // this machine's; there may be others, behind FUSE for example
	local              // everybody's
	remote             // nobody's: a lease is refused for reasons of the network, too
)

// Magic numbers of file systems that package unix does not have, from their sources.
const (
	zfsMagic      = 0x2fc12fc1
	bcachefsMagic = 0xca451a4e
)

func kindOf(f *os.File) kind {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return shared
	}
	switch uint32(fs.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.REISERFS_SUPER_MAGIC,
		unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, zfsMagic, bcachefsMagic,
		unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC:
		return local
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC:
		return remote
	}
	return shared
}

// mark is a byte that no file has: a lock for reading on it is what Announce leaves there. Such locks know nothing of flock(2), but
// on the file systems that are remote.
func mark(kind int16) *unix.Flock_t { return &unix.Flock_t{Type: kind, Start: 1 << 62, Len: 1} }

func announce(f *os.File) {
	if kindOf(f) != remote {
		_ = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, mark(unix.F_RDLCK))
	}
}

func announced(f *os.File) bool {
	asked := mark(unix.F_WRLCK)
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, asked) == nil && asked.Type == unix.F_RDLCK
}

// Changed is when a file, its name or its mode was changed last. Programs cannot set it, as they can the time of the last write.
func Changed(st os.FileInfo) time.Time {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return time.Unix(sys.Ctim.Unix())
	}
	return st.ModTime()
}
