package scenarios

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// A host is starved when somebody waited for a processor in more than starvedShare of a second, by the kernel's pressure stall
// information (Documentation/accounting/psi.rst). A drill on two cores beside ten
// machines that install packages was seen at 96 %, and a quiet one in single seconds of a failover only.
const (
	starvedShare = 0.9
	starvedEvery = time.Second
	pressureFile = "/proc/pressure/cpu"
)

// watchHost records when the host is starved, until ctx ends. It knows only of a host that is this machine, too, and of a kernel
// that says so; of others nothing is recorded, and no promise is doubted for it.
func (d *Drill) watchHost(ctx context.Context) {
	for _, c := range d.manifest.Clocks {
		if c.Method != record.SameKernel {
			return
		}
	}
	last, at := pressure(), d.now()
	if last < 0 {
		return
	}
	wait.Every(ctx, starvedEvery, func(time.Time) {
		now, t := pressure(), d.now()
		waited, took := now-last, t-at
		if now >= 0 && took > 0 && float64(waited) > starvedShare*float64(took) {
			d.rec.Event(record.Event{T: t, Kind: record.KindStarved,
				Msg:   fmt.Sprintf("somebody waited for a processor of this machine in %.0f %% of %.1f s", 100*float64(waited)/float64(took), took.Seconds()),
				Attrs: map[string]string{"ms": fmt.Sprint(took.Milliseconds())}})
		}
		last, at = now, t
	})
}

// pressure is for how long somebody waited for a processor since the host booted; negative where the kernel does not say.
func pressure() time.Duration {
	data, err := os.ReadFile(pressureFile)
	if err != nil {
		return -1
	}
	return readPressure(string(data))
}

// readPressure reads "some avg10=0.00 avg60=0.00 avg300=0.00 total=MICROSECONDS".
func readPressure(text string) time.Duration {
	line, _, _ := strings.Cut(text, "\n")
	_, total, found := strings.Cut(line, "total=")
	us, err := strconv.ParseInt(strings.TrimSpace(total), 10, 64)
	if !found || err != nil || !strings.HasPrefix(line, "some ") {
		return -1
	}
	return time.Duration(us) * time.Microsecond
}
