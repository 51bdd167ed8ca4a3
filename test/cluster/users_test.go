package cluster

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/logpipe/logpipe/test/process"
)

// rights are what overlays/rabbitmq-operator asks of its operator for one user.
type rights struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Tags        []string
		Secret      struct{ Name string } `json:"importCredentialsSecret"`
		User        struct{ Name string } `json:"userReference"`
		Vhost       string
		Permissions map[string]string
	}
}

// users makes the broker's users from rabbitmq-operator/users.yaml, as the operator would, and the secrets with their passwords. If they may
// less than logpipe and KEDA need, nothing flows or nothing is counted here.
func (s *story) users() {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(process.Root(), "k8s/overlays/rabbitmq-operator/users.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	var all []rights
	for _, doc := range documents(string(text)) {
		var r rights
		if err := yaml.Unmarshal([]byte(doc), &r); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, r)
	}
	for _, user := range all {
		if user.Kind != "User" {
			continue
		}
		i := slices.IndexFunc(all, func(r rights) bool { return r.Kind == "Permission" && r.Spec.User.Name == user.Metadata.Name })
		if i < 0 {
			s.t.Fatalf("user %s has no permission", user.Metadata.Name)
		}
		s.user(user, all[i])
	}
}

func (s *story) user(user, may rights) {
	s.t.Helper()
	name, password := user.Metadata.Name+"-user", "4f1c0ab37d" // a name that the broker's first user does not have
	account := map[string]string{"password": password, "tags": strings.Join(user.Spec.Tags, ",")}
	err := s.broker.Admin(s.t.Context(), "PUT", "/api/users/"+name, account, nil)
	if err == nil {
		err = s.broker.Admin(s.t.Context(), "PUT", "/api/permissions/"+url.PathEscape(may.Spec.Vhost)+"/"+name, may.Spec.Permissions, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.secret(user.Spec.Secret.Name, "username", name, "password", password)
}
