package scenarios

import (
	"context"
	"fmt"
	"strings"

	"github.com/firedrill/firedrill/harness"
)

// AddressHolders counts the databases' nodes that hold the virtual address.
func AddressHolders() Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		held, ok := d.topology.(interface {
			HoldsAddress(ctx context.Context, n *harness.Node) (bool, error)
		})
		if !ok {
			return finding{}, fmt.Errorf("%s has no virtual address", d.manifest.Topology)
		}
		var holders []string
		for _, n := range d.topology.Databases() {
			holds, err := held.HoldsAddress(ctx, n)
			if err != nil {
				return finding{}, err
			}
			if holds {
				holders = append(holders, n.Name)
			}
		}
		return figureOf(float64(len(holders)), "the virtual address is on [%s]", strings.Join(holders, ", ")), nil
	}
}
