package node

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/firedrill/firedrill/harness/wait"

	"context"
)

// Connect bridges standard input and output to the agent's socket. When either side ends, both do: the end of the
// controller's stream is how the agent learns that it is gone.
func Connect(ctx context.Context, socket string, in io.Reader, out io.Writer) error {
	var conn net.Conn
	err := wait.Until(ctx, "agent's socket", 10*time.Second, func(ctx context.Context) (bool, string, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err != nil {
			return false, err.Error(), nil
		}
		conn = c
		return true, "", nil
	})
	if err != nil {
		return fmt.Errorf("connect to agent: %w", err)
	}
	defer conn.Close()
	done := make(chan error, 2)
	go func() {
		_, err := io.Copy(conn, in)
		done <- err
	}()
	go func() {
		_, err := io.Copy(out, conn)
		done <- err
	}()
	if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("bridge to agent: %w", err)
	}
	return nil
}
