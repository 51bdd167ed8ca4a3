// Package linefile is what the file input and the file output share: how a file is locked, claimed and renamed so that
// no two processes take it for their own, how lines are read from it, and how a fallback writes and reads sealed batches.
//
// # Locks and names
//
// Whoever appends to a file, or takes it away, holds its flock(2) at that time, and asks after it got the lock whether the
// path still names this file: another may have renamed it between open and lock. A claim is a rename under the lock; the
// lock is then kept until the file is done with. So a claimed file without a lock belongs to a process that died, and the
// next one may take it over.
//
// # Sealed batches
//
// A fallback file is NDJSON. A sealed batch is one header line, then its messages, each followed by a line feed:
//
//	{"logpipe_batch":1,"id":"01J…","partition":"source=app1","time":"2026-01-02T15:04:05.6Z","count":2,"bytes":38,"crc32c":"…","sum":"…"}
//	{"source":"app1"}
//	{"source":"app1"}
//
// count is the number of messages, bytes what lies between this line and the next header, and crc32c its checksum
// (Castagnoli, in hex). sum is the checksum of the header line up to the comma in front of it: only a header whose sum is
// right is believed. Members that are there only when they are needed, between crc32c and sum:
//
//	pipeline   whose batch it is; another pipeline does not bring it home
//	sealed_by  why the batch was closed
//	lengths    the length of each body, where a body holds a line feed
//	times      the time of each message, where one differs from the batch's: nanoseconds after it, or an absolute time
//	meta       what the source knew of each message (id, key, headers, properties), null where it knew nothing
//
// An absolute time is RFC 3339, or "@seconds.nanoseconds" of the Unix era where the year has not four digits. Text that is not
// UTF-8 is {"str64":"…"}. Of header values and properties, null, true, false, whole numbers, text and lists are themselves; the others are
// {"u64":"…"}, {"f64":"…"}, {"b64":"…"}, {"time":"…"} and {"map":{…}}, or {"pairs":[[name,value],…]} where a name is not UTF-8. Whole
// numbers are int64.
//
// Lines in front of all sealed batches are messages without a header, as other programs write them. Behind a batch there is nothing
// else: what stands there without a header is left of a damaged one.
package linefile
