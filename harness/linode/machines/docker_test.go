package machines_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/linode/machines"
	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/wait"
)

// cloud is a stand-in over real machines.
func cloud(t *testing.T) (*linodego.Client, *standin.Listener) {
	t.Helper()
	api := dockertest.Engine(t)
	name := strings.ToLower(t.Name())
	m, err := machines.New(t.Context(), api, images.New(api, t.Output(), images.Options{}), name)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close(context.Background())) })
	const any = "127.0.0.1:0"
	l, err := standin.Listen(standin.Config{API: any, DNS: any, Control: any, Token: "t", Machines: m})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	c := linodego.NewClient(nil)
	c.SetBaseURL("http://" + l.APIAddr())
	c.SetAPIVersion("v4")
	c.SetToken("t")
	c.SetPollDelay(50 * time.Millisecond)
	c.SetRetryWaitTime(50 * time.Millisecond)
	return &c, l
}

// key is a log-in.
func key(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	return signer, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// shell logs in once the machine lets it.
func shell(t *testing.T, address string, signer ssh.Signer) *ssh.Client {
	t.Helper()
	var client *ssh.Client
	err := wait.Until(t.Context(), "ssh to "+address, 30*time.Second, func(context.Context) (bool, string, error) {
		c, err := ssh.Dial("tcp", net.JoinHostPort(address, "22"), &ssh.ClientConfig{
			User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, Timeout: time.Second,
			HostKeyCallback: ssh.InsecureIgnoreHostKey(), // the machine made its key itself, a moment ago
		})
		if err != nil {
			return false, err.Error(), nil
		}
		client = c
		return true, "", nil
	})
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

func run(t *testing.T, c *ssh.Client, command string) string {
	t.Helper()
	s, err := c.NewSession()
	require.NoError(t, err)
	out, err := s.CombinedOutput(command)
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

func TestAMachineIsASystem(t *testing.T) {
	c, _ := cloud(t)
	ctx := t.Context()
	signer, public := key(t)
	open := []string{"0.0.0.0/0"}
	fw, err := c.CreateFirewall(ctx, linodego.FirewallCreateOptions{Label: "test", Rules: linodego.FirewallRuleSet{
		InboundPolicy: "DROP", OutboundPolicy: "ACCEPT",
		Inbound: []linodego.FirewallRule{{Action: "ACCEPT", Label: "ssh", Protocol: "TCP", Ports: "22", Addresses: linodego.NetworkAddresses{IPv4: &open}}},
	}})
	require.NoError(t, err)
	began := time.Now()
	made, err := c.CreateInstance(ctx, linodego.InstanceCreateOptions{
		Region: "us-east", Type: "g6-nanode-1", Label: "vm-1", Image: "linode/debian13", AuthorizedKeys: []string{public}, FirewallID: fw.ID,
		Metadata: &linodego.InstanceMetadataOptions{UserData: base64.StdEncoding.EncodeToString([]byte("#cloud-config\nwrite_files: [{path: /etc/drill, content: hello}]\n"))},
	})
	require.NoError(t, err)
	made, err = c.WaitForInstanceStatus(ctx, made.ID, linodego.InstanceRunning, 60)
	require.NoError(t, err)
	address := made.IPv4[0].String()
	s := shell(t, address, signer)
	t.Logf("logged in %s after the call", time.Since(began).Round(time.Millisecond))
	assert.Contains(t, run(t, s, "cloud-init status --wait"), "status: done")
	assert.Equal(t, "hello vm-1", run(t, s, "echo $(cat /etc/drill) $(hostname)"))
	assert.Equal(t, "systemd", run(t, s, "cat /proc/1/comm"))

	// The Cloud Firewall: a port that listens and that nobody admitted.
	run(t, s, "systemd-run --unit listener nc -lk 5432")
	reaches := func() bool {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, "5432"), time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	assert.False(t, reaches(), "dropped")
	_, err = c.UpdateFirewall(ctx, fw.ID, linodego.FirewallUpdateOptions{Status: linodego.FirewallDisabled})
	require.NoError(t, err)
	assert.True(t, reaches(), "the firewall is off")

	// A machine that powers itself off is booted again by Lassie; its first boot's work is not done twice.
	// A moment later, by a timer: sshd must not go before it has said that the command ended.
	run(t, s, "touch /srv/kept; systemd-run --on-active=1s --timer-property=AccuracySec=100ms systemctl poweroff")
	require.NoError(t, wait.Until(ctx, "booted again", 60*time.Second, func(ctx context.Context) (bool, string, error) {
		events, err := c.ListEvents(ctx, linodego.NewListOptions(0, `{"action":"lassie_reboot","status":"finished"}`))
		return len(events) == 1, "no lassie_reboot", err
	}))
	s = shell(t, address, signer)
	assert.Equal(t, "/srv/kept", run(t, s, "ls /srv/kept"))
}

// The loss of power sends no good-bye; it is back at the same address.
func TestAPowerCutIsSilent(t *testing.T) {
	api := dockertest.Engine(t)
	m, err := machines.New(t.Context(), api, images.New(api, t.Output(), images.Options{}), "cut-test")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close(context.Background())) })
	signer, public := key(t)
	address := m.Pool().Addr().Next().Next()
	require.NoError(t, m.Create(t.Context(), standin.Machine{ID: 7, Label: "vm-7", Address: address, Keys: []string{public}, MemoryMB: 1024}))
	require.NoError(t, m.Boot(t.Context(), 7))
	s := shell(t, address.String(), signer)
	open, err := net.Dial("tcp", net.JoinHostPort(address.String(), "22"))
	require.NoError(t, err)
	defer open.Close()
	greeting := make([]byte, 256)
	_, err = open.Read(greeting)
	require.NoError(t, err)

	require.NoError(t, m.Cut(t.Context(), 7))
	require.NoError(t, m.Cut(t.Context(), 7), "a second cut changes nothing")
	require.NoError(t, open.SetReadDeadline(time.Now().Add(2*time.Second)))
	_, err = open.Read(greeting)
	var quiet net.Error
	require.ErrorAs(t, err, &quiet)
	assert.True(t, quiet.Timeout(), "silence, not an end: %v", err)
	_ = s.Close()
	require.NoError(t, m.Boot(t.Context(), 7))
	shell(t, address.String(), signer)
	require.NoError(t, m.Delete(t.Context(), 7))
	require.NoError(t, m.Delete(t.Context(), 7), "gone is gone")
}
