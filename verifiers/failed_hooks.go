package verifiers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// failedHooks finds recoveries that count as successful although a hook after the promotion failed.
func failedHooks(run *record.Run, s succession) []record.Finding {
	var out []record.Finding
	for _, r := range audits(run) {
		if !r.successful || r.successor == "" {
			continue
		}
		i := slices.IndexFunc(r.steps, func(e record.Event) bool {
			return strings.HasPrefix(e.Msg, "Execution of Post") && strings.Contains(e.Msg, "failed")
		})
		if i < 0 {
			continue
		}
		_, list, _ := strings.Cut(r.steps[i].Msg, "Execution of ")
		list, _, _ = strings.Cut(list, " ")
		out = append(out, finding(record.SeverityCritical,
			"run the hook until it succeeds, in the background (until HOOK; do sleep 1; done &), and alert on its failures: Orchestrator ignores the exit code of "+list,
			"recovery %s counts as successful although a hook of %s failed%s%s", r.number, list, failures(run, r.began), astray(run, s)))
	}
	return out
}

// failures names the hooks that failed since a time, with their exit codes, in parentheses.
func failures(run *record.Run, from time.Duration) string {
	var out []string
	for _, e := range run.Events {
		if code := e.Attrs["exit"]; e.Kind == record.KindHook && e.T >= from && code != "" && code != "0" {
			out = append(out, fmt.Sprintf("%s, exit code %s", e.Attrs["name"], code))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(slices.Compact(out), "; ") + ")"
}

// astray says which names did not lead to the last primary when the application was stopped.
func astray(run *record.Run, s succession) string {
	end := loadEnd(run)
	last := map[string]record.Probe{}
	for _, p := range run.Probes {
		if p.T <= end {
			last[p.Endpoint+p.Vantage+p.Via] = p
		}
	}
	var out []string
	for _, p := range last {
		if at := s.at(run, end); p.Answer != at && p.Answer != "" {
			out = append(out, fmt.Sprintf("%s still led to %s at the end, not to %s", p.Endpoint, p.Answer, at))
		}
	}
	if len(out) == 0 {
		return ""
	}
	slices.Sort(out)
	return ": " + strings.Join(slices.Compact(out), ", ")
}
