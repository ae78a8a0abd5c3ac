package linode

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

const (
	agentPath = "/firedrill/firedrill"
	agentUnit = "firedrill-agent"
)

// reachAll brings all machines to the point where their agents answer.
func (p *Provider) reachAll(ctx context.Context, id harness.Identity, machines []*machine) error {
	plain, err := os.ReadFile(p.opts.Binary)
	if err != nil {
		return fmt.Errorf("read agent binary: %w", err)
	}
	binary, err := packed(plain)
	if err != nil {
		return err
	}
	hosts := hostsFile(machines)
	group, ctx := errgroup.WithContext(ctx)
	for _, m := range machines {
		group.Go(func() error {
			if err := p.reach(ctx, id, m, binary, hosts); err != nil {
				return fmt.Errorf("node %s: %w", m.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// packed compresses what goes to machines.
func packed(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}

// hostsFile lets nodes know each other by name, as they do on a container network.
func hostsFile(machines []*machine) string {
	var b strings.Builder
	for _, m := range machines {
		fmt.Fprintf(&b, "%s %s\n", m.Address, m.Name)
	}
	return b.String()
}

// reach logs in, waits for the first boot to be over, installs, and starts the agent.
func (p *Provider) reach(ctx context.Context, id harness.Identity, m *machine, binary []byte, hosts string) error {
	client, err := dial(ctx, m.public, m.keys)
	if err != nil {
		return err
	}
	if err := p.prepare(ctx, client, m, binary, hosts); err != nil {
		_ = client.Close()
		return err
	}
	bridge, err := open(client, agentPath+" agent connect")
	if err != nil {
		_ = client.Close()
		return err
	}
	m.Agent, err = agent.Dial(ctx, m.Name, bridge, agent.Introduction{Owner: true})
	if err != nil {
		_ = bridge.Close()
		return err
	}
	p.keep(id, m.Agent)
	p.keep(id, bridge)
	m.Power = &power{p: p, id: id, m: m}
	return nil
}

// keep notes what is to be closed at the end of the drill.
func (p *Provider) keep(id harness.Identity, c io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[id] = append(p.sessions[id], c)
}

// prepare makes of a machine that has booted one whose agent runs.
func (p *Provider) prepare(ctx context.Context, c *ssh.Client, m *machine, binary []byte, hosts string) error {
	if err := firstBoot(ctx, c); err != nil {
		return err
	}
	environment, err := p.install(ctx, c, m.spec)
	if err != nil {
		return err
	}
	return p.startAgent(ctx, c, m, environment, binary, hosts)
}

// firstBoot waits for cloud-init. Code 2 says that it recovered from something, which is its own business.
func firstBoot(ctx context.Context, c *ssh.Client) error {
	if out, err := sh(ctx, c, "cloud-init status --wait --long || [ $? = 2 ]", nil); err != nil {
		return fmt.Errorf("first boot: %w: %s", err, tail([]byte(out)))
	}
	return nil
}

// install brings the component on the machine, and returns its environment.
func (p *Provider) install(ctx context.Context, c *ssh.Client, s harness.NodeSpec) (map[string]string, error) {
	recipe, err := p.opts.Setup(s)
	if err != nil {
		return nil, err
	}
	name := s.Component
	for _, f := range recipe.Files {
		if err := put(ctx, c, f.Path, f.Mode, f.Data); err != nil {
			return nil, fmt.Errorf("install %s: %w", name, err)
		}
	}
	if recipe.Script == "" {
		return recipe.Env, nil
	}
	if _, err := sh(ctx, c, "/bin/sh -s", strings.NewReader(keepRun(recipe.Script))); err != nil {
		return nil, fmt.Errorf("install %s: %w", name, err)
	}
	return recipe.Env, nil
}

// keepRun wraps a script so that the folders that it makes in /run, which a reboot empties, are made again by the machine: by
// systemd-tmpfiles, as packages have it done for the folders of their services.
func keepRun(script string) string {
	return "ls -d /run/*/ | sort > /tmp/firedrill-run\n" + script + "\nls -d /run/*/ | sort | comm -13 /tmp/firedrill-run - | while read -r dir; do\n" +
		"\tstat -c 'd %n 0%a %U %G' \"${dir%/}\"\ndone > /etc/tmpfiles.d/firedrill.conf\n"
}

// long is the size from which a file goes compressed.
const long = 1 << 20

// put writes a file of the machine.
func put(ctx context.Context, c *ssh.Client, file string, mode uint32, data []byte) error {
	read := "cat"
	if len(data) > long {
		var err error
		if data, err = packed(data); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
		read = "gzip -dc"
	}
	command := fmt.Sprintf("mkdir -p %s && %s > %s && chmod %o %s", quote(path.Dir(file)), read, quote(file), mode, quote(file))
	if _, err := sh(ctx, c, command, bytes.NewReader(data)); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// startAgent starts it as a unit that a reboot starts again. It is told who the controller is, as the machine sees it: no
// fault of ours cuts that way, on which the heal comes.
func (p *Provider) startAgent(ctx context.Context, c *ssh.Client, m *machine, environment map[string]string, binary []byte, hosts string) error {
	if _, err := sh(ctx, c, "mkdir -p /firedrill && gzip -dc > "+agentPath+" && chmod 755 "+agentPath, bytes.NewReader(binary)); err != nil {
		return fmt.Errorf("copy agent: %w", err)
	}
	controller, err := sh(ctx, c, "echo ${SSH_CONNECTION%% *}", nil)
	if err != nil {
		return fmt.Errorf("ask who we are: %w", err)
	}
	for _, f := range []agent.File{
		{Path: "/firedrill/hosts", Mode: 0o644, Data: []byte(hosts)},
		{Path: "/firedrill/names", Mode: 0o755, Data: []byte(namesScript(m.Name, m.Address))},
		{Path: "/etc/systemd/system/" + agentUnit + ".service", Mode: 0o644, Data: []byte(unit(strings.TrimSpace(controller), environment))},
	} {
		if err := put(ctx, c, f.Path, f.Mode, f.Data); err != nil {
			return err
		}
	}
	if _, err := sh(ctx, c, "systemctl daemon-reload && systemctl enable --quiet --now "+agentUnit+" || { systemctl status --no-pager "+agentUnit+"; exit 1; }", nil); err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	return nil
}

// namesScript makes nodes known to each other: before each start of the agent, because what manages /etc/hosts may have
// written it anew. It waits until the machine has the address by which it is known (systemd's "online" may come before the
// second interface): what the agent starts listens there.
func namesScript(own, address string) string {
	return "#!/bin/sh\nset -e\nlooks=0\nuntil hostname -I | grep -qwF " + quote(address) + "; do\n" +
		"\tlooks=$((looks + 1))\n\t[ $looks -lt 300 ] || { echo " + quote("no interface has the address "+address) + "; exit 1; }\n\tsleep 0.2\ndone\n" +
		"grep -qxFf /firedrill/hosts /etc/hosts || cat /firedrill/hosts >> /etc/hosts\n" +
		"echo " + quote(own) + " > /etc/hostname\nhostname " + quote(own) + "\n"
}

// unit is the agent's. It is not restarted when it dies: a drill is to see that.
func unit(controller string, environment map[string]string) string {
	var b strings.Builder
	b.WriteString("[Unit]\nDescription=Agent of a drill\nAfter=network-online.target systemd-tmpfiles-setup.service\n\n[Service]\n" +
		"ExecStartPre=/firedrill/names\nExecStart=" + agentPath + " agent --state /firedrill/processes.json --spare " + controller + "\n" +
		"KillMode=mixed\nOOMScoreAdjust=-900\nLimitNOFILE=1048576\nTasksMax=infinity\n")
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		fmt.Fprintf(&b, "Environment=\"%s=%s\"\n", name, environment[name])
	}
	return b.String() + "\n[Install]\nWantedBy=multi-user.target\n"
}
