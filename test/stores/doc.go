// Package stores is a fake of S3 stores that cannot be run here: those of clouds, buckets with rules of their own, and what may stand before
// a store. A [Store] checks each signature over the request as it arrives behind its [Front], as the real one does, so a client that signs
// what is changed on the way is refused here too. What each front answers is from its documentation and from reports of its users, named
// beside it; where those say nothing the fake takes what it is given, and proves nothing.
//
// What can run here is not faked: versitygw is the store of all other tests (package servers).
package stores
