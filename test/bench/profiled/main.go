// Profiled is logpipe that writes a CPU profile of its life so far to the file that CPUPROFILE names, when it gets SIGUSR1.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"

	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/plugins"
)

func main() {
	out, err := os.Create(os.Getenv("CPUPROFILE"))
	if err == nil {
		err = pprof.StartCPUProfile(out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(1)
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		<-asked
		pprof.StopCPUProfile()
		if err := out.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "profile:", err)
		}
		fmt.Fprintln(os.Stderr, "profiled")
	}()
	cmd.Main(plugins.All...)
}
