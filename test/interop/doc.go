// Package interop tests logpipe with clients that nobody here wrote: of AMQP 0-9-1, AMQP 1.0, MQTT, STOMP and S3, in their own languages.
//
// The folder clients has one small program for each of them. Called with "write" it publishes the messages that it is given as JSON, or
// messages of its own kind where its library or protocol has things that no other has; called with "read" it tells what it finds in queues,
// values with their types. What a library cannot write it leaves out, and says so.
//
// The test is the product of writers, places and readers. All writers publish to one exchange. Their messages go to a control queue of each
// reader, past logpipe, and through logpipe to places: another exchange, a dead letter, back out of a fallback file, a redrive, objects. Each
// reader then reads its control queue and its queue of each place. A message must be the same in both, as that reader sees it: so a
// difference is always logpipe's, never one of a library.
//
// TestCommonClientsReadWhatOthersWrote does that with four clients and without a build tag, so that each change is tried with them. All others
// need the tag interop.
//
// The clients come from Debian's packages, and those of Node.js from npm, by clients/package-lock.json. Both are installed by the tests, the
// former as root. Elsewhere the tests of what is missing are skipped, or fail if CI is set.
package interop
