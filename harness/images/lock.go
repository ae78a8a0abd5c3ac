package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/firedrill/firedrill/harness/wait"
)

// lockBudget is more than any build takes: who waits longer waits for a process that hangs.
const lockBudget = 20 * time.Minute

// lock keeps other processes of this user from building images at the same time. waiting is called once if it is taken.
// The kernel gives the lock back when a process dies, however it dies.
func lock(ctx context.Context, waiting func()) (unlock func(), err error) {
	name, err := lockFile()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open build lock: %w", err)
	}
	told := false
	err = wait.Until(ctx, "lock on image builds", lockBudget, func(context.Context) (bool, string, error) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			if !told {
				told = true
				waiting()
			}
			return false, "another process holds " + name, nil
		}
		return err == nil, "", err
	})
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

func lockFile() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		// No HOME, as in some CI jobs.
		dir = filepath.Join(os.TempDir(), fmt.Sprintf("cache-%d", os.Getuid()))
	}
	dir = filepath.Join(dir, "firedrill")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make folder for build lock: %w", err)
	}
	return filepath.Join(dir, "images.lock"), nil
}
