// Package rabbitcluster holds logpipe against a real RabbitMQ cluster of three nodes under load: two logpipe processes that know all nodes, a
// confirming producer, dead letters and a real S3 server. A node is killed, parted from the others, and each is restarted in turn. What the
// broker has confirmed must be stored, and the time without flow is measured.
//
//	make cluster
package rabbitcluster
