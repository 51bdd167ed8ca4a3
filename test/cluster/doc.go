// Package cluster runs the manifests in k8s/ for real: an API server, the controller manager, the scheduler and KEDA on 127.0.0.1, a real
// RabbitMQ and a real S3 server, and one real logpipe process for each pod.
//
//	cluster_test.go      the story: flood, scale-up, scale-down, rollout, drain of a node
//	account_test.go      where every message is, and how every pod ended
//	programs_test.go     builds and starts what a cluster consists of
//	authority_test.go    certificates, and who is who
//	control_test.go      etcd, kube-apiserver, kube-controller-manager, kube-scheduler
//	keda_test.go         KEDA's operator and metrics adapter
//	api_test.go          what kubectl does: apply, strictly
//	users_test.go        the broker's users, with the rights of rabbitmq-operator
//	overlay_test.go      the overlay: production, with this test's addresses and with less patience
//	node_test.go         nodes that nobody owns a machine for, kept ready; draining one
//	kubelet_test.go      what runs on the nodes, from the API's side
//	pod_test.go          one pod: a process, from its start to its end
//	environment_test.go  what the container gets: variables, arguments, files
//	probe_test.go        the pod's own probes
//	traffic_test.go      the messages
//	curve_test.go        pods and messages over time
//	picture_test.go      the same as docs/autoscaling.svg
//
// The programs come from two more modules below, whose graphs of dependencies exclude each other: kubernetes and keda. They hold no code.
// What is not real: there are no containers, so limits, security contexts and network policies do nothing, and all pods share the machine's address.
package cluster
