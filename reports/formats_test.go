package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

func compileSchema(t *testing.T, doc any) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("report.json", doc))
	s, err := c.Compile("report.json")
	require.NoError(t, err)
	return s
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	return doc
}

func TestReportsMatchThePublishedSchema(t *testing.T) {
	s := compileSchema(t, decode(t, Schema()))
	for name, drills := range map[string][]Drill{
		"sample": sampleDrills(), "hard": {hardDrill()}, "nothing": nil, "bare": {judged(record.Passed), judged("")},
	} {
		data := render(t, ReportFile, Build(sampleMeta(), drills), drills)
		assert.NoError(t, s.Validate(decode(t, data)), name)
	}
}

// The schema must name every key that we write, or it documents nothing: here it is made to refuse all others.
func TestSchemaNamesEveryKey(t *testing.T) {
	doc := decode(t, Schema())
	refuseOthers(doc)
	s := compileSchema(t, doc)
	drills := append(sampleDrills(), hardDrill())
	data := render(t, ReportFile, Build(sampleMeta(), drills), drills)
	assert.NoError(t, s.Validate(decode(t, data)))
	assert.Error(t, s.Validate(decode(t, bytes.Replace(data, []byte(`"score"`), []byte(`"other": 1, "score"`), 1))), "the test itself must ring")
}

func refuseOthers(node any) {
	switch n := node.(type) {
	case map[string]any:
		if _, has := n["properties"].(map[string]any); has && n["type"] == "object" {
			n["additionalProperties"] = false
		}
		for _, v := range n {
			refuseOthers(v)
		}
	case []any:
		for _, v := range n {
			refuseOthers(v)
		}
	}
}

func TestSchemaRefusesWhatIsNoReport(t *testing.T) {
	s := compileSchema(t, decode(t, Schema()))
	data := string(render(t, ReportFile, Build(sampleMeta(), sampleDrills()), nil))
	for _, change := range [][2]string{
		{`"verdict": "failed",` + "\n" + `  "score"`, `"verdict": "ready",` + "\n" + `  "score"`},
		{`"score": 25`, `"score": 125`}, {`firedrill/report/v1`, `firedrill/report/v2`}, {`"lost": 12`, `"lost": -1`},
	} {
		broken := strings.Replace(data, change[0], change[1], 1)
		require.NotEqual(t, data, broken, change[0])
		assert.Error(t, s.Validate(decode(t, []byte(broken))), change[1])
	}
}

// Scripts read these keys; design and documentation name them.
func TestReportKeys(t *testing.T) {
	var r map[string]any
	require.NoError(t, json.Unmarshal(render(t, ReportFile, Build(sampleMeta(), sampleDrills()), nil), &r))
	drill := r["drills"].([]any)[0].(map[string]any)
	for object, keys := range map[*map[string]any]string{
		ptr(r):                                   "schema run_id started ended verdict score seed environment drills not_drilled residue",
		ptr(drill):                               "id feature scenario tags topology kind verdict rto rpo promotion endpoint split_brain_ms faults expectations findings",
		ptr(drill["rto"].(map[string]any)):       "value_ms error_ms target_ms vantage phases",
		ptr(drill["rpo"].(map[string]any)):       "attempted acked lost unknown unknown_present duplicates window_ms target_lost",
		ptr(drill["promotion"].(map[string]any)): "from to failovers",
		ptr(drill["endpoint"].(map[string]any)):  "name flip_ms",
	} {
		for key := range strings.FieldsSeq(keys) {
			assert.Contains(t, *object, key)
		}
	}
}

func TestJUnitParsesBack(t *testing.T) {
	drills := append(sampleDrills(), killedDrill()) // the same scenario twice: a repetition
	var got junitSuites
	require.NoError(t, xml.Unmarshal(render(t, "junit.xml", Build(sampleMeta(), drills), drills), &got))
	assert.Equal(t, []int{5, 1, 1, 1}, []int{got.Tests, got.Failures, got.Errors, got.Skipped})
	cases := map[string]junitCase{}
	tests, failures, errs, skipped := 0, 0, 0, 0
	for _, s := range got.Suites {
		assert.Len(t, s.Cases, s.Tests)
		tests, failures, errs, skipped = tests+s.Tests, failures+s.Failures, errs+s.Errors, skipped+s.Skipped
		for _, c := range s.Cases {
			assert.NotContains(t, cases, c.Name, "servers tell cases apart by name")
			cases[c.Name] = c
		}
	}
	assert.Equal(t, []int{got.Tests, got.Failures, got.Errors, got.Skipped}, []int{tests, failures, errs, skipped})

	failed := cases["The primary's host is lost while replication is asynchronous"].Failure
	require.NotNil(t, failed)
	assert.Contains(t, failed.Text, "no acknowledged write is lost: want 0 lost, got 12 of 2254 lost")
	assert.Equal(t, strings.Split(failed.Text, "\n")[0], failed.Message)
	inconclusive := cases["Datacenter dc1 is isolated"].Error
	require.NotNil(t, inconclusive)
	assert.Contains(t, inconclusive.Text, "left no proof of its effect")
	notDrilled := cases["The leader's postmaster is killed"].Skipped
	require.NotNil(t, notDrilled)
	assert.Contains(t, notDrilled.Message, "no image patroni-17 here")
	passed := cases["The primary's mysqld is killed"]
	assert.True(t, passed.Failure == nil && passed.Error == nil && passed.Skipped == nil)
	assert.Contains(t, passed.Properties.Properties, junitProperty{"rto_ms", "2910"})
	assert.Contains(t, cases, "The primary's mysqld is killed #2")
}

func TestMarkdownNamesAreNoMarkup(t *testing.T) {
	d := judged(record.Failed)
	d.Run.Manifest.Scenario = "a | b\n# <b>c</b> `d` [e](f) *g*"
	got := string(render(t, "summary.md", Build(Meta{}, []Drill{d}), nil))
	assert.Contains(t, got, "| a \\| b # &lt;b&gt;c&lt;/b&gt; \\`d\\` \\[e\\](f) \\*g\\* | ✗ Failed |")
	assert.NotContains(t, got, "<b>")
}

func htmlPage(t *testing.T, drills []Drill) string {
	t.Helper()
	return string(render(t, "report.html", Build(sampleMeta(), drills), drills))
}

// The page must open in an archive, years later, with no network: it refers to nothing outside itself.
func TestHTMLNeedsNothingBesideIt(t *testing.T) {
	html := htmlPage(t, append(sampleDrills(), hardDrill()))
	for _, pattern := range []string{
		`(?i)(src|href|action|data|poster|srcset)\s*=\s*["']?\s*(https?:)?//`, `(?i)url\(\s*["']?\s*(https?:|//)`, `(?i)<script`,
		`(?i)<(link|iframe|img|object|embed|base)\b`, `(?i)@import`, `(?i)\son[a-z]+\s*=`,
	} {
		assert.NotRegexp(t, regexp.MustCompile(pattern), html)
	}
	assert.NotContains(t, html, "ZgotmplZ", "html/template refused a value")
	for _, ref := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(html, -1) {
		assert.Contains(t, html, `id="`+ref[1]+`"`)
	}
}

func TestHTMLEscapesNamesOfUsers(t *testing.T) {
	d := hardDrill()
	html := htmlPage(t, []Drill{d})
	assert.NotContains(t, html, "<script")
	assert.NotContains(t, html, "</script")
	assert.Contains(t, html, "&lt;script&gt;alert(1)&lt;/script&gt;")
}

func TestHTMLAnswers(t *testing.T) {
	html := htmlPage(t, sampleDrills())
	for _, want := range []string{
		"Not ready: 1 of 3 drills failed (The primary&#39;s host is lost while replication is asynchronous).",
		"m3 was promoted after 2.10\u00a0s; writes from dc2 were down 2.91\u00a0s ±\u00a00.02\u00a0s",
		`<td class="n bad">13.53`, `<td class="n bad">12<`, "✗ Failed", "? Inconclusive", "○ Not drilled", // not by colour alone
		"312 packets dropped in 1 s, none passed", "ping from m2 and m3 answered", "dc1/788, dc2/789, dc1/790",
		"rpl_semi_sync_source_timeout above the longest network blip", "no image patroni-17 here",
		"left no proof of its effect", "Sign-off", sampleHashes()[record.OpsFile], "02:00:32.000", "<title>Run timeline of",
	} {
		assert.Contains(t, html, want)
	}
	assert.Equal(t, 3, strings.Count(html, `<section class="drill"`))
}

// When only report.json is left of a run its page can still be written, without the pictures.
func TestHTMLWithoutHistories(t *testing.T) {
	html := string(render(t, "report.html", Build(sampleMeta(), sampleDrills()), nil))
	assert.Contains(t, html, "m3 was promoted after")
	assert.NotContains(t, html, "Run timeline")
}

func TestHTMLStaysSmall(t *testing.T) {
	d := hardDrill()
	require.Greater(t, len(d.Run.Ops), 29_000)
	assert.Less(t, len(htmlPage(t, []Drill{d})), 200_000)
}
