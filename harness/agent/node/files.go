package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
)

func (a *Agent) put(_ context.Context, _ *session, files []agent.File) (empty, error) {
	for _, f := range files {
		if err := putFile(f); err != nil {
			return empty{}, fmt.Errorf("put %s: %w", f.Path, err)
		}
	}
	return empty{}, nil
}

func putFile(f agent.File) error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(f.Mode)
	if mode == 0 {
		mode = 0o644
	}
	if err := os.WriteFile(f.Path, f.Data, mode); err != nil {
		return err
	}
	if err := os.Chmod(f.Path, mode); err != nil {
		return err
	}
	if f.Owner == "" {
		return nil
	}
	cred, _, err := credential(f.Owner)
	if err != nil {
		return err
	}
	return os.Chown(f.Path, int(cred.Uid), int(cred.Gid))
}

// readLimit keeps a node's log from filling the controller's memory; the end of a log is what matters.
const readLimit = 4 << 20

func (a *Agent) read(_ context.Context, _ *session, n name) (agent.File, error) {
	f, err := os.Open(n.Name)
	if err != nil {
		return agent.File{}, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > readLimit {
		if _, err := f.Seek(-readLimit, io.SeekEnd); err != nil {
			return agent.File{}, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, readLimit))
	return agent.File{Path: n.Name, Data: data}, err
}

// credential looks a user up; home is where its programs expect to write.
func credential(name string) (*syscall.Credential, string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, "", fmt.Errorf("look up user %s: %w", name, err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	cred := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if groups, err := u.GroupIds(); err == nil {
		for _, g := range groups {
			if id, err := strconv.Atoi(g); err == nil {
				cred.Groups = append(cred.Groups, uint32(id))
			}
		}
	}
	return cred, u.HomeDir, nil
}

// environment is the agent's own, with the user's home and what the command adds.
func environment(home string, extra []string) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	if home != "" {
		env = append(env, "HOME="+home)
	}
	return append(env, extra...)
}

const execTimeout = 30 * time.Second

func (a *Agent) exec(ctx context.Context, _ *session, c agent.Command) (agent.Output, error) {
	if len(c.Argv) == 0 {
		return agent.Output{}, errors.New("exec: no command given")
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = execTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	home := "/root"
	if c.User != "" {
		cred, dir, err := credential(c.User)
		if err != nil {
			return agent.Output{}, err
		}
		cmd.SysProcAttr.Credential, home = cred, dir
	}
	cmd.Env = environment(home, c.Env)
	cmd.Stdin = strings.NewReader(c.Stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	out := agent.Output{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return out, fmt.Errorf("run %s: %w after %s", c.Argv[0], ctx.Err(), timeout)
	case errors.As(err, &exit):
		out.Code = exit.ExitCode()
		return out, nil
	case err != nil:
		return out, fmt.Errorf("run %s: %w", c.Argv[0], err)
	}
	return out, nil
}

const httpTimeout = 30 * time.Second

func (a *Agent) http(ctx context.Context, _ *session, r agent.HTTPRequest) (agent.HTTPResponse, error) {
	if r.Timeout <= 0 {
		r.Timeout = httpTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return agent.HTTPResponse{}, err
	}
	if r.Header != nil {
		req.Header = r.Header
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return agent.HTTPResponse{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return agent.HTTPResponse{Status: resp.StatusCode, Header: resp.Header, Body: body}, err
}
