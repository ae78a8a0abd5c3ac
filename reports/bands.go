package reports

import (
	"math"
	"slices"

	"github.com/firedrill/firedrill/harness/record"
)

// band is a stretch of time in which a database node said the same of itself.
type band struct {
	from, to float64
	state    string // class in the style sheet
}

// nodeBands are the stretches of one node.
type nodeBands struct {
	node  string
	bands []band
}

// Words and classes of a node's states.
var stateWords = map[string]string{
	"primary":  "primary",
	"blocked":  "primary, cannot acknowledge",
	"readonly": "primary, read-only",
	"replica":  "replica",
	"writable": "replica, writable",
	"down":     "down",
	"mute":     "unknown",
}

// state says in one word what a node said of itself.
func state(s record.Sample) string {
	switch {
	case !s.Alive:
		return "down"
	case s.Role == record.RolePrimary && s.Blocked:
		return "blocked"
	case s.Role == record.RolePrimary && s.Writable:
		return "primary"
	case s.Role == record.RolePrimary:
		return "readonly"
	case s.Role == record.RoleReplica && s.Writable:
		return "writable"
	case s.Role == record.RoleReplica:
		return "replica"
	}
	return "mute"
}

// roleBands are the roles of every sampled node over the shown time, in the order of the manifest.
func roleBands(run *record.Run, a axis) []nodeBands {
	byNode := map[string][]record.Sample{}
	var order []string
	for _, n := range run.Manifest.Nodes {
		order = append(order, n.Name)
	}
	for _, s := range run.Samples {
		if !slices.Contains(order, s.Node) {
			order = append(order, s.Node)
		}
		byNode[s.Node] = append(byNode[s.Node], s)
	}
	var out []nodeBands
	for _, node := range order {
		if len(byNode[node]) > 0 {
			out = append(out, nodeBands{node, bandsOf(byNode[node], a)})
		}
	}
	return out
}

// bandsOf joins samples that say the same. An answer holds until the next one, but not for longer than silence is
// plausible: a node that stopped answering must not look well.
func bandsOf(samples []record.Sample, a axis) []band {
	patience := math.Max(1000, 5*medianGap(samples))
	var out []band
	add := func(from, to float64, state string) {
		from, to = math.Max(from, a.from), math.Min(to, a.to)
		if to <= from {
			return
		}
		if n := len(out); n > 0 && out[n-1].state == state {
			out[n-1].to = to
			return
		}
		out = append(out, band{from, to, state})
	}
	for i, s := range samples {
		at, next := record.MS(s.T), a.to
		if i+1 < len(samples) {
			next = record.MS(samples[i+1].T)
		}
		add(at, math.Min(next, at+patience), state(s))
		add(at+patience, next, "mute")
	}
	return out
}

func medianGap(samples []record.Sample) float64 {
	var gaps []float64
	for i := 1; i < len(samples); i++ {
		gaps = append(gaps, record.MS(samples[i].T-samples[i-1].T))
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// drawNode draws the roles of a node. Height tells them apart as well as colour: a primary is high, a replica
// is low, and what is down is hatched.
func (l *lanes) drawNode(n nodeBands) {
	l.text("lane end", timelineLeft-8, l.y+16, n.node)
	for _, b := range n.bands {
		x, w := l.x(b.from), l.x(b.to)-l.x(b.from)
		y, h := l.y+3, float64(nodeHeight-6)
		if b.state == "replica" || b.state == "mute" {
			y, h = l.y+7, nodeHeight-14
		}
		word := stateWords[b.state]
		l.rect("state-"+b.state, x, y, w, h, n.node+": "+word+", "+signed(b.from-l.zero)+" to "+signed(b.to-l.zero))
		if b.state != "replica" && textWidth(word)+10 < w {
			l.text("tiny on-"+b.state, x+5, l.y+15.5, word)
		}
	}
	l.y += nodeHeight
}
