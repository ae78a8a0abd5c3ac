package verifiers

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/firedrill/firedrill/harness/record"
)

// Manager promises that the failover manager reported the problem, in its own words (an analysis code, a lost leader
// key), or never did. Reports from before the first fault do not count.
type Manager struct {
	Reports string `json:"reports,omitempty" doc:"words that a report of it contains, whole words only"`
	Silent  string `json:"silent,omitempty" doc:"words that no report of it contains in the whole drill, whole words only"`
	All     bool   `json:"all,omitempty" doc:"what it tells beside a failure counts too: roles, pauses, synchronous standbys"`
}

func (p Manager) check() error {
	if (strings.TrimSpace(p.Reports) == "") == (strings.TrimSpace(p.Silent) == "") {
		return errors.New("give one of reports and silent")
	}
	return nil
}

// Reported says whether a report contains words as whole words: many an analysis code begins another one, and
// "DeadMaster" (recovered) must not be found in "DeadMasterAndReplicas" (not recovered).
func Reported(report, words string) bool {
	for from := 0; ; {
		i := strings.Index(report[from:], words)
		if i < 0 || words == "" {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(report[:from+i])
		after, _ := utf8.DecodeRuneInString(report[from+i+len(words):])
		if !inWord(before) && !inWord(after) {
			return true
		}
		from += i + 1
	}
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// Verify implements Verifier.
func (p Manager) Verify(run *record.Run) Result {
	var from time.Duration
	if all := strikes(run); len(all) > 0 {
		from = all[0].Began
	}
	out := Result{Status: record.Failed, Want: "the failover manager reports " + p.Reports}
	if p.Silent != "" {
		out = Result{Status: record.Passed, Want: "the failover manager does not report " + p.Silent}
	}
	var heard []string
	for _, e := range run.Events {
		if e.Kind != record.KindDetected && !(p.All && e.Kind == record.KindManager) || e.T < from {
			continue
		}
		if Reported(e.Msg, p.Reports+p.Silent) { // one of them is empty
			out.Status, out.Got = record.Failed, e.Msg+" after "+figure(e.T-from)
			if p.Reports != "" {
				out.Status = record.Passed
			}
			return out
		}
		if !slices.Contains(heard, e.Msg) {
			heard = append(heard, e.Msg)
		}
	}
	out.Got = "nothing was reported"
	if len(heard) > 0 {
		out.Got = strings.Join(heard, ", ")
	}
	if !whole(run) {
		out.Status, out.Note = record.Inconclusive, "the record is not whole: "+unwhole(run)
	}
	return out
}
