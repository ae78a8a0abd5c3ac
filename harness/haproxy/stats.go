package haproxy

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/firedrill/firedrill/harness"
)

// Up lists the servers that the proxy on a node sends to, by its own statistics.
func Up(ctx context.Context, n *harness.Node, section string) ([]string, error) {
	url := fmt.Sprintf("http://127.0.0.1:%d/;csv", statsPort)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := n.Agent.Transport().RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("read HAProxy statistics: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read HAProxy statistics: %w", err)
	}
	return parseStats(string(text), section)
}

// parseStats reads HAProxy's statistics: the servers of a section whose state begins with UP.
func parseStats(text, section string) ([]string, error) {
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "# "))).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("read HAProxy statistics: %w", errors.Join(err, errors.New("no table")))
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	px, sv, st := column["pxname"], column["svname"], column["status"]
	var up []string
	for _, row := range rows[1:] {
		if row[px] == section && row[sv] != "FRONTEND" && row[sv] != "BACKEND" && strings.HasPrefix(row[st], "UP") {
			up = append(up, row[sv])
		}
	}
	return up, nil
}
