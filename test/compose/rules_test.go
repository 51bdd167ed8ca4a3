package compose

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// check returns what is wrong with a project that Compose itself would start.
func check(p *types.Project) (wrong []string) {
	say := func(s types.ServiceConfig, format string, args ...any) {
		wrong = append(wrong, s.Name+": "+fmt.Sprintf(format, args...))
	}
	for _, name := range slices.Sorted(slices.Values(append(p.ServiceNames(), p.DisabledServiceNames()...))) {
		s, err := p.GetService(name)
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		if !hasTag(s.Image) {
			say(s, "the image %q has no tag, or one that moves", s.Image)
		}
		if s.HealthCheck == nil || s.HealthCheck.Disable || len(s.HealthCheck.Test) == 0 {
			say(s, "no health check: what depends on it starts too early, and nobody sees that it stands still")
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			// A file that is not there is made by the engine, as a folder.
			if info, err := os.Stat(v.Source); err != nil || !info.Mode().IsRegular() {
				say(s, "%s is mounted and is no file of the repository", v.Source)
			}
			if !v.ReadOnly {
				say(s, "%s can be written from the container", v.Source)
			}
		}
		for _, port := range s.Ports {
			if ip := net.ParseIP(port.HostIP); ip == nil || !ip.IsLoopback() {
				say(s, "port %d can be reached from other machines", port.Target)
			}
		}
		if s.NetworkMode == "host" || s.Privileged {
			say(s, "it is not confined")
		}
	}
	return wrong
}

var tag = regexp.MustCompile(`^[^:@]+(:\d+/[^:@]+)?:([\w][\w.-]*)(@sha256:[0-9a-f]{64})?$`)

func hasTag(image string) bool {
	m := tag.FindStringSubmatch(image)
	return m != nil && m[2] != "latest"
}

// ours returns what is wrong with the services that run logpipe's own image, which can be confined more than others.
func ours(p *types.Project) (wrong []string) {
	found := 0
	for _, s := range p.AllServices() {
		if !strings.HasPrefix(s.Image, "logpipe:") {
			continue
		}
		found++
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			wrong = append(wrong, s.Name+": it needs read_only, cap_drop ALL and no-new-privileges, as in the image's own test")
		}
		if s.StopGracePeriod == nil || *s.StopGracePeriod <= drain {
			wrong = append(wrong, s.Name+": it is killed before it has drained")
		}
	}
	if found == 0 {
		wrong = append(wrong, "no service runs logpipe")
	}
	return wrong
}
