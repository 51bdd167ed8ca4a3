package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority signs the certificates of one cluster. Its own is ca.crt in its folder.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cluster"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	a.key = a.newKey("ca")
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.write("ca.crt", "CERTIFICATE", der)
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) write(name, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// bundle is ca.crt as text.
func (a *authority) bundle() []byte {
	a.t.Helper()
	text, err := os.ReadFile(a.path("ca.crt"))
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

func (a *authority) newKey(name string) *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".key", "EC PRIVATE KEY", der)
	return key
}

// issue writes a certificate and its key, file.crt and file.key, for both sides of a connection. The name and the group are what the API
// server knows a client by; hosts are what a client asks a server for, beside this machine.
func (a *authority) issue(file, name, group string, hosts ...string) {
	a.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    append(hosts, "localhost"), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if group != "" {
		template.Subject.Organization = []string{group}
	}
	key := a.newKey(file)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(file+".crt", "CERTIFICATE", der)
}

// kubeconfig lets a client of this name talk to the server, and returns the file's path. The other parameters are those of issue.
func (a *authority) kubeconfig(server, file, name, group string, hosts ...string) string {
	a.t.Helper()
	a.issue(file, name, group, hosts...)
	const text = `apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: me, user: {client-certificate: %q, client-key: %q}}]
contexts: [{name: here, context: {cluster: here, user: me}}]
current-context: here
`
	path := a.path(file + ".kubeconfig")
	config := fmt.Sprintf(text, server, a.path("ca.crt"), a.path(file+".crt"), a.path(file+".key"))
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}
