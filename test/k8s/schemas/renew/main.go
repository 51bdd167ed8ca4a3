// Command renew writes the schemas that the manifests are checked against, from the modules that the kinds come from. See README.md.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	kubernetes = "k8s.io/kubernetes@v1.34.4"
	keda       = "github.com/kedacore/keda/v2@v2.21.0"
	prometheus = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
	folder     = "schemas"
)

// core are the definitions of Kubernetes that are kept, by the names that its own document has for them.
var core = []string{
	"apps.v1.Deployment", "apps.v1.StatefulSet", "batch.v1.Job", "core.v1.ConfigMap", "core.v1.Namespace", "core.v1.Service",
	"core.v1.ServiceAccount", "core.v1.PersistentVolumeClaim", "networking.v1.NetworkPolicy", "policy.v1.PodDisruptionBudget",
}

func main() {
	log.SetFlags(0)
	if err := renew(); err != nil {
		log.Fatal(err)
	}
}

func renew() error {
	dir, err := module(kubernetes)
	if err != nil {
		return err
	}
	if err := renewCore(filepath.Join(dir, "api/openapi-spec/swagger.json")); err != nil {
		return err
	}
	if dir, err = module(keda); err != nil {
		return err
	}
	if err := renewTriggers(filepath.Join(dir, "schema/generated/scalers-schema.json")); err != nil {
		return err
	}
	if err := renewCRDs(filepath.Join(dir, "config/crd/bases"), "keda.sh_scaledobjects", "keda.sh_triggerauthentications"); err != nil {
		return err
	}
	if dir, err = module(prometheus); err != nil {
		return err
	}
	return renewCRDs(filepath.Join(dir, "example/prometheus-operator-crd"), "monitoring.coreos.com_servicemonitors", "monitoring.coreos.com_prometheusrules")
}

// module is the folder of a module's source.
func module(name string) (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", name).Output()
	if err != nil {
		return "", fmt.Errorf("download %s: %w\n%s", name, err, out)
	}
	var found struct{ Dir string }
	if err := json.Unmarshal(out, &found); err != nil {
		return "", fmt.Errorf("read where %s is: %w", name, err)
	}
	return found.Dir, nil
}

type object = map[string]any

func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return yaml.Unmarshal(text, into) // JSON is YAML
}

func renewCore(path string) error {
	var doc struct{ Definitions map[string]object }
	if err := read(path, &doc); err != nil {
		return err
	}
	for _, name := range core {
		definition, ok := doc.Definitions["io.k8s.api."+name]
		if !ok {
			return fmt.Errorf("%s has no %s", path, name)
		}
		part := strings.Split(name, ".")
		version := part[1]
		if part[0] != "core" {
			version = part[0] + "-" + version
		}
		if err := write(part[2], version, strict(inline(definition, doc.Definitions))); err != nil {
			return err
		}
	}
	return nil
}

func renewCRDs(dir string, files ...string) error {
	for _, file := range files {
		var crd struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema object `json:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := read(filepath.Join(dir, file+".yaml"), &crd); err != nil {
			return err
		}
		if len(crd.Spec.Versions) == 0 {
			return errors.New(file + " has no version")
		}
		group, _, _ := strings.Cut(crd.Spec.Group, ".") // as kubeconform shortens it
		for _, v := range crd.Spec.Versions {
			if err := write(crd.Spec.Names.Kind, group+"-"+v.Name, strict(pruned(crd.Spec.Names.Kind, v.Schema.OpenAPIV3Schema))); err != nil {
				return err
			}
		}
	}
	return nil
}

// pruned leaves out what is large, because it contains a pod, and not used here.
func pruned(kind string, schema object) object {
	if kind != "RabbitmqCluster" {
		return schema
	}
	spec := schema["properties"].(object)["spec"].(object)["properties"].(object)
	delete(spec, "override")
	delete(spec, "affinity")
	delete(spec["persistence"].(object)["properties"].(object), "dataSource")
	return schema
}

// renewTriggers keeps the names of the keys of the triggers that are used.
func renewTriggers(path string) error {
	var doc struct {
		Scalers []struct {
			Type       string
			Parameters []struct {
				Name     string
				Optional bool   `json:",omitempty"`
				Default  string `json:",omitempty"`
				Metadata bool   `json:"metadataVariableReadable,omitempty"`
				Auth     bool   `json:"triggerAuthenticationVariableReadable,omitempty"`
				Env      bool   `json:"envVariableReadable,omitempty"`
			}
		}
	}
	if err := read(path, &doc); err != nil {
		return err
	}
	for _, s := range doc.Scalers {
		if s.Type == "rabbitmq" {
			return save("scalers.json", s)
		}
	}
	return errors.New("KEDA has no trigger rabbitmq")
}

// inline puts what a $ref stands for in its place, so that a schema is one file.
func inline(v any, definitions map[string]object) any {
	switch v := v.(type) {
	case object:
		if ref, ok := v["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, "#/definitions/")
			switch name {
			case "io.k8s.apimachinery.pkg.api.resource.Quantity", "io.k8s.apimachinery.pkg.util.intstr.IntOrString":
				return object{"oneOf": []any{object{"type": "string"}, object{"type": "number"}}}
			}
			return inline(definitions[name], definitions)
		}
		made := object{}
		for key, each := range v {
			made[key] = inline(each, definitions)
		}
		return made
	case []any:
		made := make([]any, len(v))
		for i := range v {
			made[i] = inline(v[i], definitions)
		}
		return made
	}
	return v
}

// strict refuses fields that have no name, unless their names are free, and leaves out what is only for readers.
func strict(v any) any {
	schema, ok := v.(object)
	if !ok {
		return v
	}
	made := object{}
	for key, each := range schema {
		switch {
		case key == "description" || key == "default" || key == "example" || key == "title":
		case strings.HasPrefix(key, "x-kubernetes-"):
		case key == "format": // of numbers; the schemas are read as JSON's, which does not know them
		case key == "properties" || key == "definitions":
			fields := object{}
			for name, field := range each.(object) {
				fields[name] = strict(field)
			}
			made[key] = fields
		case key == "items" || key == "additionalProperties":
			made[key] = strict(each)
		default:
			made[key] = each
		}
	}
	if schema["x-kubernetes-int-or-string"] == true {
		delete(made, "type")
	}
	free := schema["x-kubernetes-preserve-unknown-fields"] == true || schema["additionalProperties"] != nil
	if schema["properties"] != nil && !free {
		made["additionalProperties"] = false
	}
	return made
}

// write saves the schema of a kind under the name by which kubeconform looks for it. metadata of a custom kind is free in its own
// schema, and is therefore what all kinds have.
func write(kind, version string, schema any) error {
	if fields := schema.(object)["properties"].(object); fields["metadata"] != nil {
		text := object{"type": "string"}
		texts := object{"type": "object", "additionalProperties": text}
		fields["metadata"] = object{"type": "object", "additionalProperties": false, "required": []string{"name"}, "properties": object{
			"name": text, "namespace": text, "labels": texts, "annotations": texts,
		}}
		delete(fields, "status") // not ours to say
	}
	return save(strings.ToLower(kind+"-"+version)+".json", schema)
}

func save(name string, v any) error {
	text := new(bytes.Buffer)
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(folder, name), text.Bytes(), 0o644)
}
