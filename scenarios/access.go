package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/mysql"
	"github.com/firedrill/firedrill/harness/record"
)

// Access looks whether a client on the application's hosts is let do something by the API of every Orchestrator.
func Access(who mysql.Identity, wish string) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		var said, words []string
		for _, o := range harness.ByComponent(d.nodes, harness.Orchestrator) {
			for _, app := range d.applications() {
				answer, why := mysql.Try(ctx, app, o, who, wish)
				words = append(words, fmt.Sprintf("%s at %s: %s (%s)", app.Name, o.Name, answer, why))
				if !slices.Contains(said, answer) {
					said = append(said, answer)
				}
			}
		}
		return finding{strings.Join(said, " and "), strings.Join(words, "; ")}, ctx.Err()
	}
}

// done is what Refusal finds when the manager did as it was told.
const done = "done"

// Refusal asks the manager for something, once, and finds what it says: the words of its refusal, or "done".
func Refusal(text, verb string, args ...string) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		err := d.Operate(ctx, text, verb, args...)
		switch {
		case ctx.Err() != nil:
			return finding{}, ctx.Err()
		case err != nil:
			return finding{err.Error(), err.Error()}, nil
		}
		return finding{done, fmt.Sprintf("it was done, in %.0f ms", record.MS(d.now()-d.firstFault))}, nil
	}
}
