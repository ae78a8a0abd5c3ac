package linode

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/firedrill/firedrill/harness/wait"
)

// key is a key pair of one run: nothing of it is ever on our disk.
type key struct {
	private ed25519.PrivateKey
	signer  ssh.Signer
}

// keys of a machine: ours to log in, and its own, by which we know it.
type keys struct {
	login, host key
}

func newKey() (key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return key{}, fmt.Errorf("make SSH key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return key{}, fmt.Errorf("make SSH key: %w", err)
	}
	return key{private, signer}, nil
}

// authorized is the public half as authorized_keys has it.
func (k key) authorized() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.signer.PublicKey())))
}

// file is the private half as OpenSSH keeps it.
func (k key) file() (string, error) {
	block, err := ssh.MarshalPrivateKey(k.private, "")
	if err != nil {
		return "", fmt.Errorf("write SSH key: %w", err)
	}
	return string(pem.EncodeToMemory(block)), nil
}

// sshBudget is how long a machine that runs may take until it lets us in: its first boot, and cloud-init.
const sshBudget = 4 * time.Minute

// dial logs in. A machine whose host key is another one is not spoken to; it is asked again, because the key that we gave
// it comes in the course of its first boot.
func dial(ctx context.Context, address string, k keys) (*ssh.Client, error) {
	var client *ssh.Client
	err := wait.Until(ctx, "SSH to "+address, sshBudget, func(ctx context.Context) (bool, string, error) {
		c, err := dialOnce(ctx, address, k)
		if err != nil {
			return false, err.Error(), nil
		}
		client = c
		return true, "", nil
	})
	return client, err
}

// dialBudget bounds one attempt.
const dialBudget = 10 * time.Second

func dialOnce(ctx context.Context, address string, k keys) (*ssh.Client, error) {
	config := &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(k.login.signer)},
		HostKeyCallback: ssh.FixedHostKey(k.host.signer.PublicKey()), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}
	target := net.JoinHostPort(address, "22")
	ctx, cancel := context.WithTimeout(ctx, dialBudget)
	defer cancel()
	conn, err := (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, "tcp", target)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // a machine that accepts and says nothing
	c, channels, requests, err := ssh.NewClientConn(conn, target, config)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(c, channels, requests), nil
}

// sh runs a command to its end, and returns what it wrote. One that fails says what it wrote last.
func sh(ctx context.Context, c *ssh.Client, command string, input io.Reader) (string, error) {
	session, err := c.NewSession()
	if err != nil {
		return "", fmt.Errorf("open SSH session: %w", err)
	}
	defer session.Close()
	defer context.AfterFunc(ctx, func() { _ = session.Close() })()
	session.Stdin = input
	out, err := session.CombinedOutput(command)
	if ctx.Err() != nil {
		return string(out), context.Cause(ctx)
	}
	if err != nil {
		return string(out), fmt.Errorf("%w: %s", err, tail(out))
	}
	return string(out), nil
}

// tail is the end of what a command said.
func tail(out []byte) string {
	const most = 600
	out = bytes.TrimSpace(out)
	if len(out) > most {
		out = out[len(out)-most:]
	}
	return string(out)
}

// stream runs a command whose standard input and output are the stream. Its end closes its connection too.
type stream struct {
	io.Reader
	io.WriteCloser
	session *ssh.Session
	client  *ssh.Client
}

func open(c *ssh.Client, command string) (*stream, error) {
	session, err := c.NewSession()
	if err != nil {
		return nil, fmt.Errorf("open SSH session: %w", err)
	}
	in, err1 := session.StdinPipe()
	out, err2 := session.StdoutPipe()
	if err := errors.Join(err1, err2, session.Start(command)); err != nil {
		_ = session.Close()
		return nil, fmt.Errorf("start %s: %w", command, err)
	}
	return &stream{out, in, session, c}, nil
}

// Close ends the command, by the end of its input, and the connection.
func (s *stream) Close() error {
	_ = s.WriteCloser.Close()
	_ = s.session.Close()
	return s.client.Close()
}

// controller is what the firewall must admit: the address that the machines see of us.
func (p *Provider) controller(machine string) (string, error) {
	if given := p.opts.Admit; given != "" {
		if prefix, err := netip.ParsePrefix(given); err == nil {
			if prefix.Bits() < 16 {
				return "", fmt.Errorf("--admit %s admits half the world: give your own address", given)
			}
			return prefix.Masked().String(), nil
		}
		a, err := netip.ParseAddr(given)
		if err != nil {
			return "", fmt.Errorf("--admit %q is neither an address nor a network", given)
		}
		return netip.PrefixFrom(a, a.BitLen()).String(), nil
	}
	conn, err := net.Dial("udp", net.JoinHostPort(machine, "22")) // sends nothing: the kernel chooses the way
	if err != nil {
		return "", fmt.Errorf("find the way to the machines: %w", err)
	}
	defer conn.Close()
	own := netip.MustParseAddrPort(conn.LocalAddr().String()).Addr().Unmap()
	if p.opts.Account.Real() && own.IsPrivate() {
		return "", fmt.Errorf("this machine is %s to itself and something else to the world: say with --admit what", own)
	}
	return netip.PrefixFrom(own, own.BitLen()).String(), nil
}
