package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

const (
	agentDir  = "/firedrill"
	agentPath = agentDir + "/firedrill"
)

// bridge runs "agent connect" in the container and returns its standard input and output as a stream. When this
// process dies, the engine closes the bridge's input, which ends the agent's session.
func (p *Provider) bridge(ctx context.Context, id string) (io.ReadWriteCloser, error) {
	return openBridge(ctx, p.api, id)
}

func openBridge(ctx context.Context, api *client.Client, id string) (io.ReadWriteCloser, error) {
	exec, err := api.ExecCreate(ctx, id, client.ExecCreateOptions{
		Cmd: []string{agentPath, "agent", "connect"}, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, fmt.Errorf("create bridge: %w", err)
	}
	// The stream outlives the call that opened it.
	attached, err := api.ExecAttach(context.WithoutCancel(ctx), exec.ID, client.ExecAttachOptions{})
	if err != nil {
		return nil, fmt.Errorf("attach bridge: %w", err)
	}
	out, in := io.Pipe()
	b := &bridgeStream{attached: attached.HijackedResponse, out: out}
	go func() {
		_, err := stdcopy.StdCopy(in, &b.stderr, attached.Reader)
		if msg := b.stderr.String(); msg != "" {
			err = fmt.Errorf("bridge says: %s", msg)
		} else if err == nil {
			err = io.EOF
		}
		_ = in.CloseWithError(err)
	}()
	return b, nil
}

type bridgeStream struct {
	attached client.HijackedResponse
	out      *io.PipeReader
	stderr   lockedBuffer
	once     sync.Once
}

func (b *bridgeStream) Read(p []byte) (int, error)  { return b.out.Read(p) }
func (b *bridgeStream) Write(p []byte) (int, error) { return b.attached.Conn.Write(p) }
func (b *bridgeStream) Close() error {
	b.once.Do(func() {
		b.attached.Close()
		_ = b.out.Close()
	})
	return nil
}

// lockedBuffer keeps the first words of a bridge that failed.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf.Len() < 4096 {
		l.buf.Write(p)
	}
	return len(p), nil
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// agentVolume is a volume that holds the agent's binary, named by its content: it is filled once and shared, read
// only, by every node of every run. A volume, not a bind mount: it works with an engine on another machine too.
func (p *Provider) agentVolume(ctx context.Context, image string) (string, error) {
	data, err := os.ReadFile(p.opts.Binary)
	if err != nil {
		return "", fmt.Errorf("read agent binary: %w", err)
	}
	sum := sha256.Sum256(data)
	name := "firedrill-agent-" + hex.EncodeToString(sum[:6])
	filled := name + "-filled"
	p.volume.Lock()
	defer p.volume.Unlock()
	if _, err := p.api.VolumeInspect(ctx, filled, client.VolumeInspectOptions{}); err == nil {
		return name, nil
	}
	labels := map[string]string{LabelCache: "agent"}
	if _, err := p.api.VolumeCreate(ctx, client.VolumeCreateOptions{Name: name, Labels: labels}); err != nil {
		return "", fmt.Errorf("create agent volume: %w", err)
	}
	helper, err := p.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config:     &container.Config{Image: image, Entrypoint: []string{"/bin/true"}, Labels: map[string]string{LabelRun: "agent-volume", LabelOwner: Owner()}},
		HostConfig: &container.HostConfig{Binds: []string{name + ":" + agentDir}},
	})
	if err != nil {
		return "", fmt.Errorf("create helper for agent volume: %w", err)
	}
	defer func() {
		// The image may declare a volume of its own, which came with the helper and has no name.
		_, _ = p.api.ContainerRemove(context.WithoutCancel(ctx), helper.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	}()
	_, err = p.api.CopyToContainer(ctx, helper.ID, client.CopyToContainerOptions{DestinationPath: agentDir, Content: archive("firedrill", data)})
	if err != nil {
		return "", fmt.Errorf("copy agent into volume: %w", err)
	}
	// The second, empty volume says that the first is whole: a copy cut short is done again.
	if _, err := p.api.VolumeCreate(ctx, client.VolumeCreateOptions{Name: filled, Labels: labels}); err != nil {
		return "", fmt.Errorf("mark agent volume: %w", err)
	}
	return name, nil
}

func archive(name string, data []byte) io.Reader {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))})
	_, _ = w.Write(data)
	_ = w.Close() // a buffer does not fail
	return &buf
}
