package linode

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
)

// Prefix of every label that we give. Nothing is deleted whose label does not begin with it.
const Prefix = "fdrill-"

// Tags on everything that can be tagged.
const (
	tagOurs  = "firedrill"
	tagRun   = "firedrill-run-"
	tagDrill = "firedrill-drill-"
	tagUntil = "firedrill-until-" // Unix seconds, after which anybody may delete it
)

// maxLabel is the shortest limit of all labels (that of a Cloud Firewall).
const maxLabel = 32

// short makes a few letters of a drill's id, which is too long for a label.
func short(id harness.Identity) string {
	sum := sha256.Sum256([]byte(id.Drill))
	return hex.EncodeToString(sum[:3])
}

// runPrefix begins the labels of one run, and of no other: a run's id may be the beginning of another's.
func runPrefix(run string) string { return Prefix + run + "-" }

// drillPrefix begins the labels of one drill.
func drillPrefix(id harness.Identity) string { return runPrefix(id.Run) + short(id) }

// tags are set in the call that creates a resource: one that is created has them, whatever happens next.
func tags(id harness.Identity, until time.Time) []string {
	return []string{tagOurs, tagRun + id.Run, tagDrill + short(id), tagUntil + strconv.FormatInt(until.Unix(), 10)}
}

// mark is what tags are to resources that have none: the end of their label.
func mark(until time.Time) string { return "-u" + strconv.FormatInt(until.Unix(), 10) }

// owned is what tags, or a marked label, say of a resource.
type owned struct {
	run   string
	until time.Time
}

// ownedByTags reads a resource's tags. It is ours only if all of its marks are there and its label has the prefix of its run.
func ownedByTags(label string, tags []string) (owned, bool) {
	if !slices.Contains(tags, tagOurs) {
		return owned{}, false
	}
	var o owned
	for _, t := range tags {
		if run, ok := strings.CutPrefix(t, tagRun); ok {
			o.run = run
		}
		if seconds, ok := strings.CutPrefix(t, tagUntil); ok {
			if n, err := strconv.ParseInt(seconds, 10, 64); err == nil {
				o.until = time.Unix(n, 0)
			}
		}
	}
	return o, o.run != "" && !o.until.IsZero() && strings.HasPrefix(label, runPrefix(o.run))
}

// ownedByLabel reads the label of a resource that has no tags: prefix, run (two or three parts), drill, region, deadline.
func ownedByLabel(label string) (owned, bool) {
	rest, ok := strings.CutPrefix(label, Prefix)
	i := strings.LastIndex(rest, "-u")
	if !ok || i < 0 {
		return owned{}, false
	}
	seconds, err := strconv.ParseInt(rest[i+2:], 10, 64)
	parts := strings.Split(rest[:i], "-")
	if err != nil || len(parts) < 4 {
		return owned{}, false
	}
	run := strings.Join(parts[:2], "-")
	if len(parts[2]) < 6 { // a second run of the same second has a number
		run += "-" + parts[2]
	}
	return owned{run, time.Unix(seconds, 0)}, true
}
