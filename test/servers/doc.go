// Package servers finds or starts the real servers that integration tests and
// the demo need: a RabbitMQ broker and an S3 server.
//
// A broker is looked for in this order:
//
//  1. LOGPIPE_TEST_AMQP_URL names one that runs already; LOGPIPE_TEST_AMQP_ADMIN
//     names its management API where that is not http on port 15672.
//  2. A rabbitmq-server program on this machine: a node of our own, on free
//     ports, with its data in a temporary folder.
//  3. Docker Compose, where an engine answers.
//  4. Debian's package, where apt-get and root are there. Its own service is
//     not started; after the installation this is way 2.
//
// LOGPIPE_TEST_RABBITMQ chooses which RabbitMQ that is. With a version, such as
// 4.3 or 4.3.6, ways 1 to 3 have to lead to that version, and way 4 is a Debian
// of its own in a folder, from the release that has the version (see
// [Releases]). debootstrap makes it in a minute or two, from the archive that
// apt of this machine uses, once: it is kept in roots in the cache folder that
// LOGPIPE_CACHE names, else in /var/cache/logpipe. It needs root. With the
// absolute path of a folder the programs in there are used, or those of the
// Debian whose root folder it is.
//
// An S3 server is looked for in this order:
//
//  1. LOGPIPE_TEST_S3_ENDPOINT, with LOGPIPE_TEST_S3_ACCESS_KEY and
//     LOGPIPE_TEST_S3_SECRET_KEY, or else the keys in AWS_ACCESS_KEY_ID and
//     AWS_SECRET_ACCESS_KEY.
//  2. A versitygw program on PATH or in the cache folder (LOGPIPE_CACHE, else
//     logpipe in the user's cache folder).
//  3. Docker Compose, where an engine answers.
//  4. The Go toolchain builds versitygw into the cache folder, about a minute
//     or two, once.
//
// Where no way is open the error wraps [ErrUnavailable] and says why each way
// was closed. Tests use [TestBroker], [VHost], [TestS3] and [Bucket]; the
// command in the folder with starts both servers once for many test processes.
//
// A server that was started here ends with the process that started it, even
// if that process is killed: see group.go. The package needs a Unix system.
package servers
