package images

import (
	"embed"
	"fmt"
	"slices"

	"github.com/firedrill/firedrill/harness"
)

//go:embed all:dockerfiles
var dockerfiles embed.FS

// What the images hold, for those who write configurations for them.
const (
	// DrillPassword is the password of every account inside the images (MySQL: repl, orchestrator, app; PostgreSQL's
	// seed: postgres, replicator, rewind, app). It is
	// public, guards nothing, and is for drills only: a drilled node lives for minutes on a network of its own.
	DrillPassword = "firedrill-drill-only"

	MySQLConfig  = "/etc/mysql/firedrill.cnf"
	MySQLDataDir = "/var/lib/mysql"
	MySQLSocket  = "/run/mysqld/mysqld.sock"
	MySQLPidFile = "/run/mysqld/mysqld.pid"
	// MySQLInit makes an empty data directory what it is in the image: run it as mysql. MariaDB's images have all of
	// these in the same places.
	MySQLInit = "/usr/local/lib/firedrill/init-datadir"

	// RouterHome is where MySQL Router, which is in the image of MySQL, keeps its keyring: the password of the account
	// "router" is in it.
	RouterHome      = "/var/lib/mysqlrouter"
	RouterKeyring   = RouterHome + "/keyring"
	RouterMasterKey = RouterHome + "/master.key"

	PostgresBinDir  = "/usr/lib/postgresql/17/bin"
	PostgresDataDir = "/var/lib/postgresql/data"
	// PostgresTemplateDir is the cluster that PatroniSeed copies.
	PostgresTemplateDir = "/var/lib/postgresql/template"
	// PatroniSeed fills the data directory of a node, before Patroni's first start, with the cluster that was made when the
	// image was built, so that neither initdb nor pg_basebackup runs: see the script for how to call it.
	PatroniSeed = "/usr/local/lib/firedrill/seed-from-image"

	EtcdDataDir = "/var/lib/etcd"

	// OrchestratorDir has the binary and resources/; Orchestrator must be started in it.
	OrchestratorDir    = "/usr/local/orchestrator"
	OrchestratorBinary = OrchestratorDir + "/orchestrator"
	// OrchestratorDataDir is where its SQLite file goes.
	OrchestratorDataDir = "/var/lib/orchestrator"

	// ShimLibrary is the only file in the image of the shim.
	ShimLibrary = "/shim.so"
)

// DataDir is where a component keeps its data; empty for those that keep none worth breaking.
func DataDir(component string) string {
	return map[string]string{
		MySQL: MySQLDataDir, harness.Backend: MySQLDataDir, MariaDB: MySQLDataDir, MariaDB1011: MySQLDataDir,
		Patroni: PostgresDataDir, Etcd: EtcdDataDir, Orchestrator: OrchestratorDataDir,
	}[component]
}

// DataOwner is the user that a component's data belongs to; empty means root.
func DataOwner(component string) string {
	return map[string]string{
		MySQL: "mysql", harness.Backend: "mysql", MariaDB: "mysql", MariaDB1011: "mysql", Patroni: "postgres", Etcd: "etcd",
	}[component]
}

// Names of the components.
const (
	Base         = "base-trixie"
	MySQL        = "mysql"
	Patroni      = "patroni"
	Etcd         = "etcd"
	HAProxy      = "haproxy"
	Tools        = "tools"
	Orchestrator = "orchestrator"
	Shim         = "shim"

	MariaDB     = "mariadb"
	MariaDB1011 = "mariadb-10.11" // the release before, for drills of mixed versions
	// MySQLVIP and PatroniVIP are MySQL and Patroni with keepalived beside them.
	MySQLVIP   = "mysql-vip"
	PatroniVIP = "patroni-vip"
	// Machine is what a virtual machine of the stand-in for the Linode API runs: systemd, sshd, cloud-init.
	Machine = "machine"
)

// vip is the folder of the Dockerfile that adds keepalived.
const vip = "vip"

// component is one image of the catalogue.
type component struct {
	name   string
	parent string            // the component that it is built on; "" for the base
	dir    string            // of its Dockerfile, where several components share one; "" is the name
	with   map[string]string // arguments of its Dockerfile
	rare   bool              // few drills need it: it is built when it is named, not when all are
}

func (c component) folder() string {
	if c.dir != "" {
		return c.dir
	}
	return c.name
}

// catalogue is in the order of building: parents first, then the slowest, so that it does not end up alone at the end.
var catalogue = []component{
	{name: Base},
	{name: Patroni, parent: Base},
	{name: MySQL, parent: Base},
	{name: MariaDB, parent: Base},
	{name: MariaDB1011, parent: Base, dir: MariaDB, with: map[string]string{"SUITE": "bookworm", "VERSION": "10.11"}, rare: true},
	{name: Tools, parent: Base},
	{name: HAProxy, parent: Base},
	{name: Etcd, parent: Base},
	{name: Shim, parent: Base},
	{name: Orchestrator, parent: Tools},
	{name: MySQLVIP, parent: MySQL, dir: vip},
	{name: PatroniVIP, parent: Patroni, dir: vip},
	{name: Machine, parent: Base, rare: true},
}

// Names lists every component, parents first.
func Names() []string {
	names := make([]string, len(catalogue))
	for i, c := range catalogue {
		names[i] = c.name
	}
	return names
}

// choose checks the names that were asked for; none means all but the rare ones.
func choose(names []string) ([]string, error) {
	if len(names) == 0 {
		for _, c := range catalogue {
			if !c.rare {
				names = append(names, c.name)
			}
		}
		return names, nil
	}
	for _, name := range names {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("choose images: no component is called %q; there are %v", name, Names())
		}
	}
	return names, nil
}
