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
	binary, err := packed(p.opts.Binary)
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

// packed reads the agent, compressed: it goes to every machine.
func packed(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read agent binary: %w", err)
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("pack agent binary: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack agent binary: %w", err)
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
	client, err := dial(ctx, m.Address, m.keys)
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
	p.mu.Lock()
	p.sessions[id] = append(p.sessions[id], m.Agent, bridge)
	p.mu.Unlock()
	return nil
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
		if err := put(ctx, c, f.Path, f.Mode, bytes.NewReader(f.Data)); err != nil {
			return nil, fmt.Errorf("install %s: %w", name, err)
		}
	}
	if recipe.Script == "" {
		return recipe.Env, nil
	}
	if _, err := sh(ctx, c, "/bin/sh -s", strings.NewReader(recipe.Script)); err != nil {
		return nil, fmt.Errorf("install %s: %w", name, err)
	}
	return recipe.Env, nil
}

// put writes a file of the machine.
func put(ctx context.Context, c *ssh.Client, file string, mode uint32, data io.Reader) error {
	command := fmt.Sprintf("mkdir -p %s && cat > %s && chmod %o %s", quote(path.Dir(file)), quote(file), mode, quote(file))
	if _, err := sh(ctx, c, command, data); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// startAgent starts it as a unit, which outlives our session and not a reboot. It is told who the controller is, as the
// machine sees it: no fault of ours cuts that way, on which the heal comes.
func (p *Provider) startAgent(ctx context.Context, c *ssh.Client, m *machine, environment map[string]string, binary []byte, hosts string) error {
	if _, err := sh(ctx, c, "mkdir -p /firedrill && gzip -dc > "+agentPath+" && chmod 755 "+agentPath, bytes.NewReader(binary)); err != nil {
		return fmt.Errorf("copy agent: %w", err)
	}
	var set strings.Builder
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		set.WriteString(quote("--setenv="+name+"="+environment[name]) + " ")
	}
	script := "cat >> /etc/hosts && echo " + quote(m.Name) + " > /etc/hostname && hostname " + quote(m.Name) + " && " +
		"systemd-run --quiet --unit " + agentUnit + " --property=KillMode=mixed --property=OOMScoreAdjust=-900 --property=LimitNOFILE=1048576 --property=TasksMax=infinity " + set.String() +
		agentPath + " agent --spare \"${SSH_CONNECTION%% *}\""
	if _, err := sh(ctx, c, script, strings.NewReader(hosts)); err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	return nil
}
