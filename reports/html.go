package reports

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

//go:embed templates
var templates embed.FS

// mostEvents is how many lines of a drill's timeline the page lists; the rest is in its file.
const mostEvents = 400

// pageTemplate is parsed when the program starts: a broken template is a defect of ours that no run should meet.
var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"answer":     answer,
	"attempt":    attemptText,
	"count":      count,
	"dur":        dur,
	"faultText":  faultText,
	"flip":       flipText,
	"join":       func(s []string) string { return strings.Join(s, ", ") },
	"lost":       lostText,
	"lostBad":    lostMissed,
	"lostTarget": lostTarget,
	"mark":       verdictMark,
	"ms":         record.MS,
	"name":       orID,
	"none":       func() string { return none },
	"promoted":   promotedText,
	"rto":        rtoText,
	"vantage":    vantage,
	"ways":       waysOf,
	"rtoBad":     rtoMissed,
	"rtoTarget":  rtoTarget,
	"split":      splitText,
	"stamp":      stamp,
	"word":       verdictWord,
}).ParseFS(templates, "templates/*.html"))

// page is what report.html shows.
type page struct {
	Report
	CSS         template.CSS
	Headline    string
	When        string
	ScoreLine   string
	Findings    []findingRow
	Environment []pair
	Sections    []section
}

// section is a drill's part of the page.
type section struct {
	DrillResult
	Anchor      string
	Run         *record.Run // nil when only the report is left of a drill
	Waterfall   template.HTML
	Beyond      bool // the target does not fit into the waterfall
	Timeline    template.HTML
	Caption     string
	Markers     []marker
	MoreMarkers int
	Flips       []record.EndpointFlip
	FaultRows   []faultRow
	AckRows     []ackRow
	MoreAcks    int
	Events      []eventRow
	MoreEvents  int
	Environment []pair
	Settings    []pair
	Hashes      []pair
}

type pair struct{ Key, Value string }

// moment is a time of the drill as the page shows it: from the fault, and by the clock on the wall for whoever
// compares with other records. Both are empty for what never happened.
type moment struct{ At, Clock string }

type eventRow struct {
	moment
	Kind, Node, Text string
}

type faultRow struct {
	record.FaultSummary
	In, Out moment
	OneShot bool
}

// renderHTML writes one page that needs nothing beside it: it can be mailed, archived and printed.
func renderHTML(r Report, drills []Drill) ([]byte, error) {
	css, err := templates.ReadFile("templates/style.css")
	if err != nil {
		return nil, err
	}
	runs := map[string]*record.Run{}
	for _, d := range drills {
		runs[d.Run.Manifest.DrillID] = d.Run
	}
	p := page{
		Report: r, CSS: template.CSS(css), Headline: headline(r), When: when(r), ScoreLine: scoreLine(r),
		Findings: findingRows(r), Environment: inWords(pairs(r.Environment)),
	}
	for i, d := range r.Drills {
		p.Sections = append(p.Sections, sectionOf(i, d, runs[d.ID]))
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func sectionOf(i int, d DrillResult, run *record.Run) section {
	s := section{DrillResult: d, Anchor: fmt.Sprintf("drill-%d", i+1), Run: run, Flips: flips(d), Hashes: pairs(d.Hashes)}
	s.Waterfall, s.Beyond = waterfall(d.RTO)
	s.AckRows, s.MoreAcks = ackRows(d)
	zero, _ := faultZero(d)
	for _, f := range d.Faults {
		s.FaultRows = append(s.FaultRows, faultRow{f, momentOf(d, zero, f.InjectedMS), momentOf(d, zero, f.HealedMS), f.OneShot})
	}
	if run == nil {
		return s
	}
	s.Timeline, s.Markers, s.MoreMarkers = timeline(d, run)
	if a, ok := timelineAxis(d, run); ok {
		s.Caption = binCaption(a)
	}
	for _, e := range run.Events[:min(len(run.Events), mostEvents)] {
		ms := record.MS(e.T)
		s.Events = append(s.Events, eventRow{momentOf(d, zero, &ms), e.Kind, e.Node, eventText(e)})
	}
	s.MoreEvents = len(run.Events) - len(s.Events)
	s.Environment = pairs(run.Manifest.Environment)
	s.Settings = pairs(run.Manifest.Settings)
	return s
}

func momentOf(d DrillResult, zero float64, ms *float64) moment {
	if ms == nil {
		return moment{}
	}
	wall := d.Started.Add(time.Duration(*ms * float64(time.Millisecond)))
	return moment{signed(*ms - zero), wall.UTC().Format("15:04:05.000")}
}

// eventText is an event's message and its attributes.
func eventText(e record.Event) string {
	text := e.Msg
	for _, p := range pairs(e.Attrs) {
		text += " " + p.Key + "=" + p.Value
	}
	return strings.TrimSpace(text)
}

// pairs are a map's entries by key: two reports of the same run are the same to the byte.
// inWords makes of keys that scripts read words for people.
func inWords(list []pair) []pair {
	for i := range list {
		list[i].Key = strings.ReplaceAll(list[i].Key, "_", " ")
	}
	return list
}

func pairs(m map[string]string) []pair {
	var out []pair
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, pair{key, m[key]})
	}
	return out
}
