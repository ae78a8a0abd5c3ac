package workload

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// rowsTimeout bounds one page.
const rowsTimeout = 30 * time.Second

// rowsPerPage keeps one answer to some megabytes.
const rowsPerPage = 20000

// ReadRows reads the application's table of a MySQL or MariaDB server through its node's agent, page by page, in the
// order of the writes. servers names those that acknowledged, by what they call themselves. On an error it returns
// what it had read until then.
func ReadRows(ctx context.Context, node *agent.Client, db agent.Database, table string, servers map[string]string) ([]record.Row, error) {
	var out []record.Row
	last := record.Row{ID: -1}
	for {
		page, err := node.Query(ctx, agent.Query{Database: db, Timeout: rowsTimeout, SQL: fmt.Sprintf(
			"SELECT id, attempt, server FROM %s WHERE id > %d OR id = %d AND attempt > %d ORDER BY id, attempt LIMIT %d",
			table, last.ID, last.ID, last.Attempt, rowsPerPage)})
		if err != nil {
			return out, fmt.Errorf("read %s: %w", table, err)
		}
		for i := range page.Rows {
			row, err := parseRow(page, i, servers)
			if err != nil {
				return out, fmt.Errorf("read %s: %w", table, err)
			}
			out, last = append(out, row), row
		}
		if len(page.Rows) < rowsPerPage {
			return out, nil
		}
	}
}

func parseRow(page agent.Rows, i int, servers map[string]string) (record.Row, error) {
	id, err := strconv.ParseInt(page.Get(i, "id"), 10, 64)
	if err != nil {
		return record.Row{}, err
	}
	attempt, err := strconv.Atoi(page.Get(i, "attempt"))
	if err != nil {
		return record.Row{}, err
	}
	server := page.Get(i, "server")
	if name, ok := servers[server]; ok {
		server = name
	}
	return record.Row{ID: id, Attempt: attempt, Server: server}, nil
}
