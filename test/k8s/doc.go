// Package k8s checks the manifests in k8s/: that each overlay builds, that it is what the API servers' schemas and Go types say, and what
// neither of them knows.
//
//	copies_test.go    what is made from other files of the repository is equal to them; -write makes it again
//	build_test.go     builds the overlays, validates them, decodes them strictly
//	set_test.go       an overlay, in types
//	process_test.go   the pipeline that a pod runs, read by logpipe's own code with the pod's environment
//	rules*_test.go    the rules that no other tool checks
//	broken_test.go    for each rule an overlay with one mistake, which it must find
//
// It is a module of its own: its libraries are not logpipe's.
package k8s
