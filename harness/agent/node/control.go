package node

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// control is the file that the shim in a process shares with us: settings from here, counters from there. Its C side is
// struct control in harness/images/dockerfiles/shim/shim.c: change both.
type control struct{ mem []byte }

// Where things are in the file. All are of the machine's own byte order.
const (
	controlSize = 4096

	atVersion     = 0
	atClockSeq    = 4
	atWriteErrno  = 8
	atSyncErrno   = 12
	atChangeErrno = 16
	atWriteDelay  = 24
	atSyncDelay   = 32
	atClockOffset = 40
	atClockRate   = 48
	atClockSince  = 56
	atOpened      = 64
	atAsked       = 72
	atWrites      = 80
	atSyncs       = 88
	atChanges     = 96
	atSkewed      = 104

	controlVersion = 1
)

// openControl opens or makes the file. Programs of every user of the node write their counters into it.
func openControl(path string) (control, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return control{}, err
	}
	defer f.Close()
	if err := f.Chmod(0o666); err != nil { // whatever the umask
		return control{}, err
	}
	if err := f.Truncate(controlSize); err != nil {
		return control{}, err
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, controlSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return control{}, fmt.Errorf("map %s: %w", path, err)
	}
	c := control{mem}
	binary.NativeEndian.PutUint32(mem[atVersion:], controlVersion)
	return c, nil
}

func (c control) number(at int) *int64 { return (*int64)(unsafe.Pointer(&c.mem[at])) }
func (c control) errno(at int) *int32  { return (*int32)(unsafe.Pointer(&c.mem[at])) }

// set makes settings take effect: in the next call of whoever has the file mapped.
func (c control) set(s settings) {
	atomic.StoreInt32(c.errno(atWriteErrno), int32(s.write))
	atomic.StoreInt32(c.errno(atSyncErrno), int32(s.sync))
	atomic.StoreInt32(c.errno(atChangeErrno), int32(s.change))
	atomic.StoreInt64(c.number(atWriteDelay), int64(s.writeDelay))
	atomic.StoreInt64(c.number(atSyncDelay), int64(s.syncDelay))
	seq := (*uint32)(unsafe.Pointer(&c.mem[atClockSeq]))
	atomic.AddUint32(seq, 1) // odd: readers try again
	atomic.StoreInt64(c.number(atClockOffset), int64(s.ahead))
	atomic.StoreInt64(c.number(atClockRate), s.gainPPB)
	atomic.StoreInt64(c.number(atClockSince), s.since)
	atomic.AddUint32(seq, 1)
}

// hits are what the shim has counted in one process and its children.
type hits struct {
	opened, asked                  int64 // whatever the settings: whom it reaches
	writes, syncs, changes, skewed int64 // what the settings have done
}

func (c control) hits() hits {
	return hits{
		opened: atomic.LoadInt64(c.number(atOpened)), asked: atomic.LoadInt64(c.number(atAsked)),
		writes: atomic.LoadInt64(c.number(atWrites)), syncs: atomic.LoadInt64(c.number(atSyncs)),
		changes: atomic.LoadInt64(c.number(atChanges)), skewed: atomic.LoadInt64(c.number(atSkewed)),
	}
}

// disk is how many calls on files were failed or slowed.
func (h hits) disk() int64 { return h.writes + h.syncs + h.changes }

func (h hits) minus(o hits) hits {
	return hits{h.opened - o.opened, h.asked - o.asked, h.writes - o.writes, h.syncs - o.syncs, h.changes - o.changes, h.skewed - o.skewed}
}

// gained is what a clock that gains ppb nanoseconds a second has gained in so many nanoseconds. The product needs more
// than 64 bits after some minutes.
func gained(ppb, ns int64) int64 {
	p := new(big.Int).Mul(big.NewInt(ppb), big.NewInt(ns))
	return p.Quo(p, big.NewInt(1_000_000_000)).Int64()
}
