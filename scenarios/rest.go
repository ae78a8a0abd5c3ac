package scenarios

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
)

// answering is a topology whose failover manager has an HTTP API on every database's node.
type answering interface {
	// Ask gets a path of the API of a node, whatever the status of the answer.
	Ask(ctx context.Context, n *harness.Node, path string) (status int, body string, err error)
}

// eachAnswer asks every node of a target for a path and folds what is made of the answers.
func eachAnswer(target, path string, word func(status int, body string) (value, words string)) Look {
	return onEach(target, func(ctx context.Context, d *Drill, n *harness.Node) (string, string, error) {
		api, ok := d.topology.(answering)
		if !ok {
			return "", "", fmt.Errorf("%s has no such API on its databases: this is for topologies of patroni", d.manifest.Topology)
		}
		status, body, err := api.Ask(ctx, n, path)
		if err != nil {
			return "no answer", n.Name + ": " + err.Error(), nil
		}
		value, about := word(status, body)
		return value, n.Name + ": " + about, nil
	})
}

// Status looks which HTTP status the failover manager beside each database answers to a path.
func Status(target, path string) Look {
	return eachAnswer(target, path, func(status int, _ string) (string, string) {
		return strconv.Itoa(status), fmt.Sprintf("%d to %s", status, path)
	})
}

// Has is what Says finds when the words are there.
const Has = "has them"

// Says looks whether words are in the answer of the failover manager beside each database. A step is written between
// double quotes, so single ones stand for them.
func Says(target, path, words string) Look {
	wanted := strings.ReplaceAll(words, "'", `"`)
	return eachAnswer(target, path, func(status int, body string) (string, string) {
		about := fmt.Sprintf("%d to %s: %s", status, path, shortened(body))
		if strings.Contains(body, wanted) {
			return Has, about
		}
		return "has them not", about
	})
}

// shortened keeps an answer to a line of a report.
func shortened(body string) string {
	const most = 400
	body = strings.Join(strings.Fields(body), " ")
	if len(body) > most {
		return body[:most] + " ..."
	}
	return body
}
