//go:build unix && !linux

package images

import (
	"errors"
	"syscall"
)

// debootstrap runs on Linux only; these let the package compile for a controller elsewhere.

func containedAttr() *syscall.SysProcAttr { return groupAttr() }

func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func unmount(string) error { return errors.ErrUnsupported }
