// Package files holds the input file against the programs that people have: logrotate, rsync, cp, gzip, editors. Each is really run on a folder that
// a real logpipe reads, with on_delivered = "delete": what it takes too early is gone. Each line must arrive, and once.
//
// It is done twice: as root, whom the kernel tells who has a file open, and as the user of the container image on files of root, where the age of
// the last write has to do.
package files
