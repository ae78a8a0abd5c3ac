package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// ways is what one drill cost an application by each of its ways to the primary: a row a datacenter, a column an
// endpoint.
type ways struct {
	Endpoints []string
	Rows      []wayRow
}

// wayRow is a datacenter. A cell is nil where its application did not write through that endpoint.
type wayRow struct {
	Vantage string
	Cells   []*record.RTO
}

// waysOf sorts recovery times by datacenter and endpoint, both in their own order. It is empty where the application
// has one way only.
func waysOf(all []record.RTO) ways {
	var w ways
	for _, r := range all {
		if r.Endpoint != "" && !slices.Contains(w.Endpoints, r.Endpoint) {
			w.Endpoints = append(w.Endpoints, r.Endpoint)
		}
	}
	if len(w.Endpoints) == 0 {
		return w
	}
	for _, r := range all {
		i := slices.IndexFunc(w.Rows, func(row wayRow) bool { return row.Vantage == r.Vantage })
		if i < 0 {
			i = len(w.Rows)
			w.Rows = append(w.Rows, wayRow{r.Vantage, make([]*record.RTO, len(w.Endpoints))})
		}
		if at := slices.Index(w.Endpoints, r.Endpoint); at >= 0 {
			w.Rows[i].Cells[at] = &r
		}
	}
	return w
}

// mdWays puts the recovery times of each drill side by side, by the way that the application took.
func mdWays(b *strings.Builder, r Report) {
	begun := false
	for _, d := range r.Drills {
		w := waysOf(d.RTOs)
		if len(w.Endpoints) == 0 {
			continue
		}
		if !begun {
			begun = true
			b.WriteString("\n## Recovery time by endpoint\n")
		}
		fmt.Fprintf(b, "\n%s\n\n| Application in |", md(d.Scenario))
		for _, endpoint := range w.Endpoints {
			fmt.Fprintf(b, " %s |", md(endpoint))
		}
		b.WriteString("\n|:--|" + strings.Repeat("--:|", len(w.Endpoints)) + "\n")
		for _, row := range w.Rows {
			fmt.Fprintf(b, "| %s |", md(row.Vantage))
			for _, cell := range row.Cells {
				fmt.Fprintf(b, " %s |", bold(rtoText(cell), rtoMissed(cell)))
			}
			b.WriteString("\n")
		}
	}
}
