package patroni

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/hooks"
	"github.com/firedrill/firedrill/harness/record"
)

// Applications that have the address of the database from a file of their own (.env) are there in drills whose callback
// is not the one that flips the name.
const (
	// EnvName is what drills call the way of such an application.
	EnvName     = ".env"
	envFile     = "/var/www/shop/.env"
	envReloaded = "/run/shop.reloaded"
	// envOfDatabase is where the copied recipe looks for it: on the database's host, where no application reads it.
	envOfDatabase = postgresHome + "/shop.env"
	envPush       = "/usr/local/lib/firedrill-push-env"
	envPort       = 8090
	// ProcessAppConfig takes what is pushed to an application's host, as sshd would.
	ProcessAppConfig = "app-config"
)

// pushEnv stands for ssh.
var pushEnv = fmt.Sprintf("#!/bin/sh\nexec curl -qsSf --noproxy '*' --max-time 3 -X PUT --data-binary \"$2\" \"http://$1:%d/\"\n", envPort)

func (t *Topology) hasEnv() bool { return !t.config.flipsName() }

func (t *Topology) applications() []*harness.Node {
	return harness.ByComponent(t.nodes, harness.Application)
}

// envOfHook is the configuration of patroni-env-rewrite beside the databases.
func (t *Topology) envOfHook() map[string]string {
	var hosts []string
	for _, n := range t.applications() {
		hosts = append(hosts, n.Address)
	}
	return map[string]string{"ENV_REWRITE_HOSTS": strings.Join(hosts, " "), "ENV_REWRITE_PUSH": envPush, "ENV_REWRITE_FILE": envOfDatabase}
}

// envText is the file as a deployment leaves it.
func (t *Topology) envText() []byte {
	return fmt.Appendf(nil, "APP_NAME=shop\nDB_CONNECTION=pgsql\nDB_HOST=%s\nDB_PORT=%d\n", t.databases[0].Address, postgresPort)
}

func (t *Topology) envFilesOfDatabase() []agent.File {
	return []agent.File{
		{Path: envOfDatabase, Owner: "postgres", Data: t.envText()},
		{Path: envPush, Mode: 0o755, Data: []byte(pushEnv)},
	}
}

// startApplications gives the applications' hosts the file, and the way to change it from elsewhere.
func (t *Topology) startApplications(ctx context.Context) error {
	if !t.hasEnv() {
		return nil
	}
	return each(ctx, t.applications(), func(ctx context.Context, n *harness.Node) error {
		files := []agent.File{{Path: envFile, Data: t.envText()}, {Path: envReloaded}, {Path: hookLog}}
		for name, f := range hooks.Files() {
			files = append(files, agent.File{Path: path.Join(hookDir, name), Mode: uint32(f.Mode), Data: f.Content})
		}
		if err := n.Agent.Put(ctx, files...); err != nil {
			return err
		}
		if err := n.Agent.Tail(ctx, agent.Tail{Node: n.Name, Path: hookLog, Kind: record.KindHook}); err != nil {
			return err
		}
		return run(ctx, n, agent.Process{
			Name: ProcessAppConfig,
			Argv: []string{"/firedrill/firedrill", "app-config", "--listen", fmt.Sprintf("0.0.0.0:%d", envPort), "--", path.Join(hookDir, hooks.PatroniEnvRewrite), "--set"},
			Env:  []string{"ENV_REWRITE_FILE=" + envFile, "ENV_REWRITE_RELOAD=touch " + envReloaded, "FIREDRILL_HOOK_LOG=" + hookLog},
		})
	})
}

// envEndpoint is the way of an application that reads its file.
func (t *Topology) envEndpoint() harness.Endpoint {
	return harness.Endpoint{Name: EnvName, Port: postgresPort, Env: &agent.EnvFile{Path: envFile, Key: "DB_HOST", Reloaded: envReloaded}}
}
