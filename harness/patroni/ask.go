package patroni

import (
	"context"
	"net/http"

	"github.com/firedrill/firedrill/harness"
)

// Ask gets a path of Patroni's REST API on a node, from inside that node, as a load balancer's check would. A status
// that says no is an answer, not an error.
func (t *Topology) Ask(ctx context.Context, n *harness.Node, path string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return restOf(n).exchange(ctx, http.MethodGet, path, nil)
}
