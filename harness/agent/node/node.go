// Package node is the agent itself: the process inside every node that supervises the node's programs, injects and
// heals faults, samples the database and plays the application. It is started as the node's entry point, listens on
// a unix socket, and heals by itself when its controller is gone.
package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
)

// Lookup asks a DNS server for the address of a name; the DNS client is wired in by the command.
type Lookup func(ctx context.Context, resolver, name string) (address string, ttl int, err error)

// Options of an agent.
type Options struct {
	Version string
	Lookup  Lookup
	Spare   []netip.Addr // controllers that are reached over the drilled network: no packet rule hits them
	// Socket replaces agent.Socket, LogDir /var/log/firedrill: for tests.
	Socket, LogDir string
	Lease          time.Duration // 0 means agent.Lease
	// State is a file in which the processes are kept over a reboot of the machine; empty where a node has one life only.
	State string
}

// Agent is the one of this node.
type Agent struct {
	opts   Options
	procs  *supervisor
	deeds  *deeds
	layers *layers
	halts  *halts
	held   held // connections to databases that faults keep open
	shim   *shim

	mu       sync.Mutex
	sessions map[*session]bool
	tasks    map[string]*activity // what runs for the controller: load, probes, observers, tails
}

// Run serves until ctx ends, then heals and stops the node's processes.
func Run(ctx context.Context, opts Options) error {
	if opts.Socket == "" {
		opts.Socket = agent.Socket
	}
	if opts.LogDir == "" {
		opts.LogDir = "/var/log/firedrill"
	}
	if opts.Lease == 0 {
		opts.Lease = agent.Lease
	}
	for _, dir := range []string{filepath.Dir(opts.Socket), opts.LogDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("prepare agent: %w", err)
		}
	}
	spared.Store(&opts.Spare)
	_ = os.Remove(opts.Socket) // of an earlier life of this node
	listener, err := net.Listen("unix", opts.Socket)
	if err != nil {
		return fmt.Errorf("listen for controllers: %w", err)
	}
	a := &Agent{opts: opts, sessions: map[*session]bool{}, tasks: map[string]*activity{}, shim: newShim()}
	a.procs = newSupervisor(opts.LogDir, a.shim, a.event)
	a.procs.state = opts.State
	a.deeds, a.layers, a.halts = newDeeds(), newLayers(), newHalts()
	if err := a.procs.startRemembered(); err != nil {
		_ = listener.Close()
		return err
	}
	go func() {
		<-ctx.Done()
		_ = listener.Close()
	}()
	for {
		conn, err := listener.Accept()
		if err != nil {
			a.shutdown()
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("accept controller: %w", err)
		}
		go a.serve(ctx, conn)
	}
}

// orphaned undoes everything once the session that owned the drill has ended.
func (a *Agent) orphaned() {
	a.quiet(agent.ActivityAll)
	a.deeds.healAll()
}

func (a *Agent) shutdown() {
	a.orphaned()
	a.procs.stopAll()
}

// Init is what process 1 of a container does: it starts the agent as its child, reaps the orphans that databases
// leave (a Patroni that is killed leaves its PostgreSQL), and ends with the agent. Two processes, because Go's own
// waiting for children and a reaper of all children would steal each other's exit codes.
func Init(argv []string) (int, error) {
	child := exec.Command(argv[0], argv[1:]...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		return 1, fmt.Errorf("start agent: %w", err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for s := range signals {
			_ = child.Process.Signal(s)
		}
	}()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, fmt.Errorf("reap children: %w", err)
		case pid == child.Process.Pid && status.Exited():
			return status.ExitStatus(), nil
		case pid == child.Process.Pid && status.Signaled():
			return 128 + int(status.Signal()), nil
		}
	}
}
