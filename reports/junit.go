package reports

import (
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// The elements of JUnit's XML that CI servers agree on. A feature is a suite and a drill is a case, so that a server
// which keeps the history of a case keeps the history of a drill.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`

		ms float64
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name       string           `xml:"name,attr"`
		Class      string           `xml:"classname,attr"`
		Time       string           `xml:"time,attr"`
		Properties *junitProperties `xml:"properties,omitempty"`
		Skipped    *junitProblem    `xml:"skipped,omitempty"`
		Error      *junitProblem    `xml:"error,omitempty"`
		Failure    *junitProblem    `xml:"failure,omitempty"`
		Out        string           `xml:"system-out,omitempty"`
	}
	junitProperties struct {
		Properties []junitProperty `xml:"property"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

func renderJUnit(r Report, _ []Drill) ([]byte, error) {
	out := junitSuites{Name: "firedrill " + r.RunID}
	var total float64
	for _, name := range features(r) {
		suite := suiteOf(r, name)
		out.Tests += suite.Tests
		out.Failures += suite.Failures
		out.Errors += suite.Errors
		out.Skipped += suite.Skipped
		total += suite.ms
		out.Suites = append(out.Suites, suite)
	}
	out.Time = seconds(total)
	data, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), append(data, '\n')...), nil
}

// features are the suites, in the order in which their first drill stands in the report.
func features(r Report) []string {
	var out []string
	add := func(name string) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, d := range r.Drills {
		add(d.Feature)
	}
	for _, n := range r.NotDrilled {
		add(n.Feature)
	}
	return out
}

func suiteOf(r Report, feature string) junitSuite {
	// The timestamp has no zone in JUnit's schema; ours is UTC like all times of a report.
	s := junitSuite{Name: orDrills(feature), Timestamp: r.Started.Format("2006-01-02T15:04:05")}
	s.Properties = []junitProperty{{"run_id", r.RunID}, {"verdict", string(r.Verdict)}, {"score", strconv.Itoa(r.Score)},
		{"seed", strconv.FormatInt(r.Seed, 10)}}
	for _, key := range slices.Sorted(maps.Keys(r.Environment)) {
		s.Properties = append(s.Properties, junitProperty{"environment." + key, r.Environment[key]})
	}
	for _, d := range r.Drills {
		if d.Feature == feature {
			s.add(caseOf(d), d.DurationMS)
		}
	}
	for _, n := range r.NotDrilled {
		if n.Feature == feature {
			s.add(junitCase{Name: orID(n.Scenario, n.Drill), Class: orDrills(feature), Time: seconds(0),
				Skipped: &junitProblem{Message: n.Reason}}, 0)
		}
	}
	s.Time = seconds(s.ms)
	return s
}

// add appends a case and keeps the counts right. Servers tell cases apart by name: the second drill of the same
// scenario (a repetition, an outline's next example) gets a number.
func (s *junitSuite) add(c junitCase, ms float64) {
	name := c.Name
	for n := 2; slices.ContainsFunc(s.Cases, func(o junitCase) bool { return o.Name == c.Name }); n++ {
		c.Name = fmt.Sprintf("%s #%d", name, n)
	}
	s.Cases = append(s.Cases, c)
	s.Tests++
	s.ms += ms
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func caseOf(d DrillResult) junitCase {
	c := junitCase{
		Name: orID(d.Scenario, d.ID), Class: orDrills(d.Feature), Time: seconds(d.DurationMS),
		Properties: &junitProperties{caseProperties(d)},
		Out:        caseOutput(d),
	}
	problem := &junitProblem{Type: string(d.Verdict), Text: problems(d)}
	problem.Message, _, _ = strings.Cut(problem.Text, "\n")
	switch d.Verdict {
	case record.Failed:
		c.Failure = problem
	case record.Inconclusive:
		c.Error = problem
	}
	return c
}

// problems says why a drill did not pass, one reason a line, what was missed before what could not be told.
func problems(d DrillResult) string {
	var lines []string
	for _, v := range []record.Verdict{record.Failed, record.Inconclusive} {
		for _, e := range d.Expectations {
			if e.Verdict == v {
				lines = append(lines, fmt.Sprintf("%s: %s: want %s, got %s%s", strings.ToLower(verdictWord(v)), e.Text, e.Want, e.Got, inBrackets(e.Note)))
			}
		}
	}
	lines = append(lines, d.Reasons...)
	for _, e := range d.Errors {
		lines = append(lines, "error: "+e)
	}
	if len(lines) == 0 {
		lines = append(lines, "no reason was recorded")
	}
	return strings.Join(lines, "\n")
}

func caseOutput(d DrillResult) string {
	lines := []string{answer(d)}
	for _, f := range d.Findings {
		line := f.Severity + ": " + f.Summary
		if f.Remedy != "" {
			line += ". Remedy: " + f.Remedy
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func caseProperties(d DrillResult) []junitProperty {
	out := []junitProperty{{"drill_id", d.ID}, {"topology", d.Topology}}
	if d.RTO != nil && d.RTO.ValueMS != nil {
		out = append(out, junitProperty{"rto_ms", plain(*d.RTO.ValueMS)}, junitProperty{"rto_error_ms", plain(d.RTO.ErrorMS)})
	}
	if d.RPO != nil {
		out = append(out, junitProperty{"rpo_lost", strconv.Itoa(d.RPO.Lost)}, junitProperty{"rpo_acked", strconv.Itoa(d.RPO.Acked)})
	}
	if d.Promotion != nil && d.Promotion.To != "" {
		out = append(out, junitProperty{"promoted", d.Promotion.To})
	}
	if d.Endpoint != nil && d.Endpoint.FlipMS != nil {
		out = append(out, junitProperty{"endpoint_flip_ms", plain(*d.Endpoint.FlipMS)})
	}
	if d.SplitBrainMS != nil {
		out = append(out, junitProperty{"split_brain_ms", plain(*d.SplitBrainMS)})
	}
	return out
}

func plain(f float64) string    { return strconv.FormatFloat(f, 'f', -1, 64) }
func seconds(ms float64) string { return strconv.FormatFloat(ms/1000, 'f', 3, 64) }

func inBrackets(note string) string {
	if note == "" {
		return ""
	}
	return " (" + note + ")"
}

// orDrills names the suite of drills that were written in Go and belong to no feature file.
func orDrills(feature string) string { return orID(feature, "drills") }

func orID(name, id string) string {
	if name == "" {
		return id
	}
	return name
}
