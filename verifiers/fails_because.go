package verifiers

import (
	"errors"
	"fmt"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// FailsBecause turns one preceding expectation round: the drill of a known-bad set-up passes when that one fails. It
// judges other results, not the record, so Judge applies it.
type FailsBecause struct {
	Text string `json:"text" doc:"words of the one preceding expectation that must fail, whatever their case"`
}

func (p FailsBecause) check() error {
	if strings.TrimSpace(p.Text) == "" {
		return errors.New("text: must be given")
	}
	return nil
}

// Verify implements Verifier.
func (p FailsBecause) Verify(*record.Run) Result {
	return inconclusive(p.want(), "there is no preceding expectation to turn round")
}

func (p FailsBecause) want() string { return fmt.Sprintf("the expectation %q fails", p.Text) }

// invert judges the preceding rows and returns the index of the one that was meant, or -1.
func (p FailsBecause) invert(before []row) (Result, int) {
	meant := -1
	for i, r := range before {
		if r.inverts || !strings.Contains(strings.ToLower(r.Text), strings.ToLower(p.Text)) {
			continue
		}
		if meant >= 0 {
			return inconclusive(p.want(), "several expectations before this one contain %q: say more of the words", p.Text), -1
		}
		meant = i
	}
	if meant < 0 {
		return inconclusive(p.want(), "no expectation before this one contains %q", p.Text), -1
	}
	out := Result{Want: p.want(), Got: string(before[meant].Verdict) + ": " + before[meant].Got}
	switch before[meant].Verdict {
	case record.Failed:
		out.Status = record.Passed
	case record.Passed:
		out.Status = record.Failed
	default:
		out.Status = record.Inconclusive
	}
	return out, meant
}
