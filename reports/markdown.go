package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// renderMarkdown writes the summary of a run for the page of a CI job: the answer, a row for each drill, and then
// only what somebody has to act on.
func renderMarkdown(r Report, _ []Drill) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", md(headline(r)))
	fmt.Fprintf(&b, "Run `%s`, %s, seed %d, score **%d** of 100.\n", code(r.RunID), when(r), r.Seed, r.Score)
	mdResidue(&b, r)
	mdTable(&b, r)
	mdWays(&b, r)
	mdEarlier(&b, r)
	mdExpectations(&b, r)
	mdFindings(&b, r)
	if len(r.NotDrilled) > 0 {
		b.WriteString("\n## Not drilled\n\n")
		for _, n := range r.NotDrilled {
			fmt.Fprintf(&b, "- **%s**: %s\n", md(orID(n.Scenario, n.Drill)), md(n.Reason))
		}
	}
	return []byte(b.String()), nil
}

func mdResidue(b *strings.Builder, r Report) {
	if len(r.Residue) == 0 {
		return
	}
	b.WriteString("\n## Left behind\n\nThis could not be healed or removed. Clean it up first: `firedrill heal`, then `firedrill clean`.\n\n")
	for _, left := range r.Residue {
		fmt.Fprintf(b, "- %s\n", md(left))
	}
}

func mdTable(b *strings.Builder, r Report) {
	if len(r.Drills) == 0 {
		return
	}
	b.WriteString("\n| Drill | Verdict | RTO target | RTO | Lost target | Lost writes | Promoted | Endpoint flip |\n")
	b.WriteString("|:--|:--|--:|--:|--:|--:|:--|--:|\n")
	for _, d := range r.Drills {
		fmt.Fprintf(b, "| %s | %s %s | %s | %s | %s | %s | %s | %s |\n",
			md(d.Scenario), verdictMark(d.Verdict), verdictWord(d.Verdict), rtoTarget(d.RTO), bold(rtoText(d.RTO), rtoMissed(d.RTO)),
			lostTarget(d.RPO), bold(lostText(d.RPO), lostMissed(d.RPO)), md(promotedText(d.Promotion)), flipText(d.Endpoint))
	}
}

func mdEarlier(b *strings.Builder, r Report) {
	for _, d := range r.Drills {
		for _, a := range d.Earlier {
			fmt.Fprintf(b, "\n**%s**: %s\n", md(orID(d.Scenario, d.ID)), md(attemptText(a)))
		}
	}
}

func mdExpectations(b *strings.Builder, r Report) {
	for _, part := range []struct {
		verdict record.Verdict
		title   string
	}{{record.Failed, "Failed"}, {record.Inconclusive, "Inconclusive"}} {
		if countVerdict(r, part.verdict) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n", part.title)
		for _, d := range r.Drills {
			if d.Verdict != part.verdict {
				continue
			}
			fmt.Fprintf(b, "\n**%s**: %s\n\n", md(d.Scenario), md(answer(d)))
			for line := range strings.SplitSeq(problems(d), "\n") {
				fmt.Fprintf(b, "- %s\n", md(line))
			}
		}
	}
}

func mdFindings(b *strings.Builder, r Report) {
	rows := findingRows(r)
	if len(rows) == 0 {
		return
	}
	b.WriteString("\n## Findings\n\n")
	for _, row := range rows {
		fmt.Fprintf(b, "- **%s** %s (%s)", md(row.Severity), md(row.Summary), md(row.Drill))
		if row.Remedy != "" {
			b.WriteString(". Remedy: " + md(row.Remedy))
		}
		b.WriteString("\n")
	}
}

// findingRow is a finding and the drill that made it.
type findingRow struct {
	record.Finding
	Drill string
}

// findingRows are all findings of a run, the worst first.
func findingRows(r Report) []findingRow {
	var rows []findingRow
	for _, d := range r.Drills {
		for _, f := range d.Findings {
			rows = append(rows, findingRow{f, orID(d.Scenario, d.ID)})
		}
	}
	slices.SortStableFunc(rows, func(a, b findingRow) int { return severityRank(a.Severity) - severityRank(b.Severity) })
	return rows
}

// mdEscaper takes the meaning from every character that GitHub's Markdown could read as markup: names come from users.
var mdEscaper = strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", "\\*", "_", "\\_",
	"`", "\\`", "[", "\\[", "]", "\\]", "\r", "", "\n", " ")

func md(s string) string { return mdEscaper.Replace(s) }

// code makes a text safe between backticks.
func code(s string) string { return strings.NewReplacer("`", "'", "\n", " ").Replace(s) }

func bold(s string, yes bool) string {
	if yes {
		return "**" + s + "**"
	}
	return s
}
