package scenarios

import (
	"context"
	"fmt"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// NoRow is what Answer finds when a query gives no row.
const NoRow = "no row"

// Answer looks what a query gives on every node of a target: the first column of its rows, with commas. A node that does
// not answer is an answer too.
func Answer(target, sql string) Look {
	return onEach(target, func(ctx context.Context, d *Drill, n *harness.Node) (string, string, error) {
		rows, err := n.Agent.Query(ctx, agent.Query{Database: d.topology.Admin(n), SQL: sql, Timeout: loginDeadline})
		word := firstColumn(rows)
		if err != nil {
			word = "error: " + err.Error()
		}
		return word, n.Name + " says " + word, nil
	})
}

func firstColumn(rows agent.Rows) string {
	if len(rows.Rows) == 0 {
		return NoRow
	}
	var values []string
	for _, r := range rows.Rows {
		value := "NULL"
		if len(r) > 0 && r[0] != nil {
			value = *r[0]
		}
		values = append(values, value)
	}
	return strings.Join(values, ",")
}

// RunSQL runs a statement on every node of a target, as its administrator. It is no fault: no promise counts from it.
func (d *Drill) RunSQL(ctx context.Context, text, target, sql string) error {
	nodes, err := d.Select(ctx, target)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		began := d.now()
		_, err := n.Agent.Query(ctx, agent.Query{Database: d.topology.Admin(n), SQL: sql, Timeout: readDeadline})
		d.rec.Event(record.Event{T: began, Kind: record.KindNote, Node: n.Name, Msg: text, Attrs: map[string]string{"took_ms": fmt.Sprint(record.MS(d.now() - began))}})
		if err != nil {
			return fmt.Errorf("run %q on %s: %w", sql, n.Name, err)
		}
	}
	return nil
}
