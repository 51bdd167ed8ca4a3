package files

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// imageUser is the user of the container image.
const imageUser = "65532"

// minAge is longer than any pause of the programs that run as they are read by the image's user.
const minAge = 6 * time.Second

// program is what works on the folder $D, with $S beside it for its own things, and which lines it leaves there: 1 to lines. It is a script of a shell
// in which "lines FROM TO" prints them.
type program struct {
	name   string
	lines  int
	script string
}

// logrotate is the beginning of a script that can call "rotate".
func logrotate(options string) string {
	return `
cat >$S/conf <<END
$D/app.log {
  su root root
  rotate 9
  missingok
  ` + strings.ReplaceAll(options, " ", "\n  ") + `
}
END
chmod 644 $S/conf
rotate() { /usr/sbin/logrotate -f -s $S/state $S/conf; }
exec 3>>$D/app.log
`
}

var programs = []program{
	{"logrotate create", 300, logrotate("create") + `
lines 1 100 >&3; rotate
lines 101 150 >&3; sleep 2; lines 151 200 >&3
exec 3>&-; exec 3>>$D/app.log
lines 201 300 >&3`},
	{"logrotate copytruncate", 300, logrotate("copytruncate") + `
lines 1 100 >&3; rotate
lines 101 200 >&3; sleep 2; rotate
lines 201 300 >&3`},
	{"logrotate compress", 20300, logrotate("create compress") + `
lines 1 20000 >&3
exec 3>&-; rotate; exec 3>>$D/app.log
lines 20001 20300 >&3`},
	{"logrotate delaycompress", 20300, logrotate("create compress delaycompress") + `
lines 1 20000 >&3; rotate
lines 20001 20100 >&3
exec 3>&-; exec 3>>$D/app.log
lines 20101 20200 >&3; rotate
exec 3>&-; exec 3>>$D/app.log
lines 20201 20300 >&3`},
	{"rsync", 60000, `
lines 1 60000 >$S/app.log
rsync -a --bwlimit=200 $S/app.log $D/`},
	{"rsync in place", 60000, `
lines 1 60000 >$S/app.log
rsync -a --inplace --whole-file --bwlimit=200 $S/app.log $D/`},
	{"cp of a slow source", 3000, `
mkfifo $S/slow
(lines 1 1000; sleep 4; lines 1001 2000; sleep 4; lines 2001 3000) >$S/slow &
cp $S/slow $D/app.log
wait`},
	{"a line each few seconds", 4, `
exec 3>>$D/app.log
for i in 1 2 3 4; do lines $i $i >&3; sleep $PAUSE; done`},
	{"half a line", 3, `
exec 3>>$D/app.log
printf 'line 1\nli' >&3; sleep 2; printf 'ne 2\nline 3\n' >&3`},
	{"gzip in place", 200000, `
lines 1 200000 >$S/app.log
cp $S/app.log $D/app.log
gzip $D/app.log`},
	{"gzip through a pipe", 3000, `
(lines 1 1000; sleep 3; lines 1001 2000; sleep 3; lines 2001 3000) | gzip >$D/app.log.gz`},
	{"sed -i", 1000, `
exec 3>>$D/app.log
lines 1 1000 | sed s/line/lime/ >&3; sleep 1
sed -i s/lime/line/ $D/app.log`},
	{"vim", 1000, `
exec 3>>$D/app.log
lines 1 1000 | sed s/line/lime/ >&3; sleep 1
vim -es -u NONE -N -c 'set backup writebackup nobackup' -c '%s/lime/line/' -c wq $D/app.log`},
}

func TestPrograms(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to run as two users")
	}
	servers.Packages(t, servers.Package{Name: "logrotate", File: "/usr/sbin/logrotate"}, servers.Package{Name: "rsync", File: "/usr/bin/rsync"},
		servers.Package{Name: "vim", File: "/usr/bin/vim"}, servers.Package{Name: "gzip", File: "/usr/bin/gzip"})
	dir := t.TempDir()
	for _, up := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bin, err := process.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"root", imageUser} {
		for _, p := range programs {
			t.Run(user+" "+p.name, func(t *testing.T) {
				t.Parallel()
				p.run(t, bin, user)
			})
		}
	}
}

const pipeline = `
pipeline "files" {
  input "file" {
    paths         = ["%s/*"]
    on_delivered  = "delete"
    poll_interval = "200ms"
    min_age       = "%v"
  }
  processor "batch" {
    count = 10000
    age   = "200ms"
  }
  output "file" {
    path = "%s/out"
  }
}
`

// run has the program work beside a logpipe.
func (p program) run(t *testing.T, bin, user string) {
	top := t.TempDir()
	watched, beside, out := top+"/watched", top+"/beside", top+"/out"
	for dir, mode := range map[string]os.FileMode{top: 0o755, filepath.Dir(top): 0o755, watched: 0o777, beside: 0o755, out: 0o777} {
		if err := os.MkdirAll(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	config := top + "/pipeline.hcl"
	if err := os.WriteFile(config, fmt.Appendf(nil, pipeline, watched, minAge, out), 0o644); err != nil {
		t.Fatal(err)
	}
	command, pause := []string{bin, "run", config}, "10"
	if user != "root" {
		command = append([]string{"setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--"}, command...)
		pause = "3"
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		t.Fatal(err)
	}
	lp, err := process.Start(path, nil, nil, command[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lp.Kill)

	sh := exec.CommandContext(t.Context(), "sh", "-ec", `lines() { seq -f "line %.0f" $1 $2; }`+"\n"+p.script)
	sh.Env = append(os.Environ(), "D="+watched, "S="+beside, "PAUSE="+pause)
	if said, err := sh.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for left(t, watched) > 0 {
		if ctx.Err() != nil {
			t.Fatalf("%d files are left:\n%s", left(t, watched), lp.Tail(20))
		}
		time.Sleep(50 * time.Millisecond)
	}
	if code, err := lp.Stop(ctx); code != 0 || err != nil {
		t.Errorf("logpipe ended with %d, %v: %s", code, err, lp.Tail(20))
	}
	p.account(t, out+"/out")
}

// left is how many files logpipe has to deliver yet.
func left(t *testing.T, dir string) int {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		if st, err := f.Info(); err == nil && st.Size() > 0 {
			n++
		}
	}
	return n
}

// account holds what has arrived against what was written.
func (p program) account(t *testing.T, path string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for line := range bytes.Lines(got) {
		times[strings.TrimSuffix(string(line), "\n")]++
	}
	missing, twice := 0, 0
	for i := 1; i <= p.lines; i++ {
		line := fmt.Sprintf("line %d", i)
		switch n := times[line]; {
		case n == 0:
			missing++
		case n > 1:
			twice++
		}
		delete(times, line)
	}
	if missing+twice+len(times) > 0 {
		t.Errorf("of %d lines %d are missing, %d came twice, and %d others came", p.lines, missing, twice, len(times))
	}
}
