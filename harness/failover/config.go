// Package failover is a controller that moves a name from one region to another: it looks at the health check of the
// region that the name leads to, and when that has failed often enough it has the other region's database promoted and
// changes the record through the Linode API. It is what a DNS provider's failover does, and the part that it leaves out.
// It runs as `firedrill dns-failover`, on a node of its own.
package failover

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
)

// Config of a controller. Passwords are not in it: the database's and the API's are in its environment.
type Config struct {
	Listen string `json:"listen"` // host:port of its own state, and of the order to switch over
	Log    string `json:"log"`    // file of its decisions, one event of the record a line

	Name string `json:"name"` // whose A record is changed
	API  string `json:"api"`  // of Linode

	Interval  time.Duration `json:"interval_ns"` // between two checks
	Timeout   time.Duration `json:"timeout_ns"`  // of one; shorter than the interval
	Threshold int           `json:"threshold"`   // so many failed checks in a row are a lost region

	// Promote has the other region's database promoted before the name is changed. Without it the name is all that
	// changes, as with a provider's failover records, and as soon as the other region is healthy: somebody else promotes.
	Promote bool `json:"promote"`
	// ApplyWithin is how long a replica is given to apply what it has received; what it has not by then is thrown away.
	ApplyWithin time.Duration `json:"apply_within_ns"`
	// Fence makes every database but the active region's read-only, before a promotion and whenever one comes back.
	Fence bool `json:"fence"`
	// Witness asks the other region whether it still reaches the one that seems lost. Unless it says no, nothing is done.
	Witness bool `json:"witness"`
	// FailBack takes the name back as soon as the first region's check has been healthy as often as it had to fail.
	FailBack bool `json:"fail_back"`

	// Regions are two. The first is active at the start.
	Regions []Region `json:"regions"`
}

// Region is a place that the name can lead to.
type Region struct {
	Name     string         `json:"name"`
	Address  string         `json:"address"` // of its ingress
	Check    string         `json:"check"`   // URL of its health check, through the ingress
	Peer     string         `json:"peer"`    // URL in it that is 200 while it reaches the other region
	Node     string         `json:"node"`    // its database, as replicas name it
	Database agent.Database `json:"database"`
	// Replication is whom its database replicates from the other one as.
	Replication agent.Database `json:"replication"`
}

// Read takes a configuration from a file, and the secrets from the environment.
func Read(path string, getenv func(string) string) (cfg Config, token string, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return cfg, "", fmt.Errorf("read configuration: %w", err)
	}
	if err := json.Unmarshal(data, &cfg); err != nil {
		return cfg, "", fmt.Errorf("read configuration %s: %w", path, err)
	}
	for i := range cfg.Regions {
		cfg.Regions[i].Database.Password = getenv("MYSQL_PWD")
		cfg.Regions[i].Replication.Password = getenv("MYSQL_PWD")
	}
	return cfg, getenv("LINODE_TOKEN"), cfg.check()
}

func (c Config) check() error {
	switch {
	case len(c.Regions) != 2:
		return fmt.Errorf("%d regions: there must be two", len(c.Regions))
	case c.Threshold < 1:
		return errors.New("threshold: must be 1 at least")
	case c.Timeout <= 0 || c.Timeout >= c.Interval:
		return fmt.Errorf("a check may take %s and is due every %s: it must be shorter", c.Timeout, c.Interval)
	}
	return nil
}
