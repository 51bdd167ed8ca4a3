package cluster

import (
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// control is a control plane: everything of a cluster but nodes.
type control struct {
	*api
	authority  *authority
	server     string // the address of the API server
	kubeconfig string // of somebody who may do everything
}

// everything is the group that may do everything.
const everything = "system:masters"

// syncPeriod is how often the controller manager looks at a HorizontalPodAutoscaler. The default is 15 s.
const syncPeriod = 5 * time.Second

func startControl(t *testing.T) *control {
	t.Helper()
	build(t, "kubernetes")
	p := ports(t, 3)
	c := &control{authority: newAuthority(t), server: "https://127.0.0.1:" + p[2]}
	etcd := startEtcd(t, p[0], p[1])
	c.startServer(t, etcd, p[2])
	c.kubeconfig = c.authority.kubeconfig(c.server, "admin", "admin", everything)
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	c.api = newAPI(t, config)
	until(t, "the API server is ready", c.ready)
	c.startClient(t, "kube-controller-manager",
		"--use-service-account-credentials", "--root-ca-file="+c.authority.path("ca.crt"),
		"--service-account-private-key-file="+c.authority.path("accounts.key"), "--horizontal-pod-autoscaler-sync-period="+syncPeriod.String())
	c.startClient(t, "kube-scheduler")
	return c
}

// ready asks for everything that the API server makes at its first start, too: roles, namespaces.
func (c *control) ready() bool {
	_, err := c.kube.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(c.t.Context())
	return err == nil
}

// startEtcd returns its address. It keeps nothing that a crash of the machine would have to leave.
func startEtcd(t *testing.T, client, peer string) string {
	t.Helper()
	at, peers := "http://127.0.0.1:"+client, "http://127.0.0.1:"+peer
	const etcd = "server" // go build calls a program by the last part of its path that is no version
	run(t, etcd, nil, "--data-dir="+t.TempDir(), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+at, "--advertise-client-urls="+at,
		"--listen-peer-urls="+peers, "--initial-advertise-peer-urls="+peers, "--initial-cluster=default="+peers)
	return at
}

func (c *control) startServer(t *testing.T, etcd, port string) {
	t.Helper()
	a := c.authority
	a.issue("apiserver", "kube-apiserver", "", "kubernetes.default.svc")
	a.issue("front", "front-proxy", "") // what the API server is for the servers behind it, such as KEDA's
	a.newKey("accounts")
	run(t, "kube-apiserver", nil,
		"--etcd-servers="+etcd, "--bind-address=127.0.0.1", "--secure-port="+port, "--endpoint-reconciler-type=none",
		"--tls-cert-file="+a.path("apiserver.crt"), "--tls-private-key-file="+a.path("apiserver.key"), "--cert-dir="+t.TempDir(),
		"--client-ca-file="+a.path("ca.crt"), "--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer="+c.server, "--service-account-key-file="+a.path("accounts.key"),
		"--service-account-signing-key-file="+a.path("accounts.key"),
		"--requestheader-client-ca-file="+a.path("ca.crt"), "--requestheader-allowed-names=front-proxy",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+a.path("front.crt"), "--proxy-client-key-file="+a.path("front.key"))
}

// startClient starts the controller manager or the scheduler, each under the name that the API server's built-in roles know.
func (c *control) startClient(t *testing.T, name string, more ...string) {
	t.Helper()
	as := c.authority.kubeconfig(c.server, name, "system:"+name, "")
	run(t, name, nil, append([]string{"--kubeconfig=" + as, "--authentication-kubeconfig=" + as, "--authorization-kubeconfig=" + as,
		"--bind-address=127.0.0.1", "--secure-port=0", "--leader-elect=false"}, more...)...)
}
