package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// pkg is one package with plugins.
type pkg struct {
	path    string // to import it
	version string // of its module; "latest" when none is said
	folder  string // of its module, absolute; "" when it is fetched
	module  string // with a folder: what it is called

	single, list bool // it states Plugin, Plugins
}

func (p pkg) String() string {
	if p.folder != "" {
		return p.path + " from " + p.folder
	}
	return p.path + "@" + p.version
}

func parseAll(with []string) ([]pkg, error) {
	if len(with) == 0 {
		return nil, fmt.Errorf("which plugins? Give --with and a package, as in --with example.com/me/scrub@v1.2.3 or --with ../scrub")
	}
	var all []pkg
	seen := map[string]bool{}
	for _, w := range with {
		p, err := parse(w)
		if err != nil {
			return nil, err
		}
		if seen[p.path] {
			return nil, fmt.Errorf("--with names %s twice", p.path)
		}
		seen[p.path] = true
		all = append(all, p)
	}
	return all, nil
}

// parse reads one --with.
func parse(with string) (pkg, error) {
	path, folder, replaced := strings.Cut(with, "=")
	if !replaced && isFolder(path) {
		path, folder = "", path
	}
	path, version, hasVersion := strings.Cut(path, "@")
	if hasVersion && folder != "" {
		return pkg{}, fmt.Errorf("--with %s: a folder has no version; take @%s out", with, version)
	}
	if folder != "" || replaced {
		return local(path, folder, with)
	}
	if err := module.CheckImportPath(path); err != nil || !strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
		return pkg{}, fmt.Errorf("--with %s: %q is no import path, which begins as in example.com/me/scrub; a folder begins with ./ or ../", with, path)
	}
	if !hasVersion || version == "" {
		version = "latest"
	}
	return pkg{path: path, version: version}, nil
}

func isFolder(s string) bool {
	return s == "." || s == ".." || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || filepath.IsAbs(s)
}

// local finds the module that a folder is in. What the package is called follows from that; path, if it is given, must be the same.
func local(path, folder, with string) (pkg, error) {
	abs, err := filepath.Abs(folder)
	if err != nil {
		return pkg{}, err
	}
	if info, err := os.Stat(abs); folder == "" || err != nil || !info.IsDir() {
		return pkg{}, fmt.Errorf("--with %s: there is no folder %q", with, folder)
	}
	if sources, _ := filepath.Glob(filepath.Join(abs, "*.go")); sources == nil {
		return pkg{}, fmt.Errorf("--with %s: there is no Go file in %s; name the folder of the package that states the plugins", with, folder)
	}
	for root := abs; ; root = filepath.Dir(root) {
		text, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if os.IsNotExist(err) && root != filepath.Dir(root) {
			continue
		}
		if os.IsNotExist(err) {
			return pkg{}, fmt.Errorf("--with %s: %s is in no Go module; run \"go mod init example.com/NAME\" there", with, folder)
		}
		if err != nil {
			return pkg{}, err
		}
		p := pkg{folder: root, module: modfile.ModulePath(text)}
		if p.module == "" {
			return pkg{}, fmt.Errorf("--with %s: %s does not say what the module is called", with, filepath.Join(root, "go.mod"))
		}
		rel, err := filepath.Rel(root, abs)
		if err != nil {
			return pkg{}, err
		}
		p.path = strings.TrimSuffix(p.module+"/"+filepath.ToSlash(rel), "/.")
		if path != "" && path != p.path {
			return pkg{}, fmt.Errorf("--with %s: the package in %s is called %s; write --with %[3]s=%[2]s", with, folder, p.path)
		}
		return p, nil
	}
}
