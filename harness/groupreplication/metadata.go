package groupreplication

import (
	"fmt"
	"strings"

	"github.com/firedrill/firedrill/harness/images"
)

// clusterName is the name of the group in its metadata.
const clusterName = "shop"

// metadata is the schema by which Router finds the members of the group, in the least form that Router 9.7 reads: what
// it asks was taken from a server's general log. MySQL Shell makes it (version 2, with much that only the Shell reads),
// but is not in Debian. Router finds out for itself which of the members are online and who the primary is: it asks
// them, as it does in production. So nothing here changes in a failover.
//
// It is written through the group, as the Shell does: all members have it, and nobody has an errant transaction.
func (t *Topology) metadata(uuids []string) []string {
	const schema = "mysql_innodb_cluster_metadata"
	one := fmt.Sprintf("'%s' AS cluster_id", clusterName)
	out := []string{
		"CREATE DATABASE " + schema,
		"CREATE VIEW " + schema + ".schema_version (major, minor, patch) AS SELECT 2, 0, 0",
		"CREATE VIEW " + schema + ".v2_this_instance AS SELECT " + one + ", 'gr' AS cluster_type",
		fmt.Sprintf("CREATE VIEW %s.v2_gr_clusters AS SELECT %s, '%s' AS cluster_name, '%s' AS group_name", schema, one, clusterName, groupName),
		"CREATE TABLE " + schema + ".servers (mysql_server_uuid CHAR(36) NOT NULL PRIMARY KEY, endpoint VARCHAR(255) NOT NULL, label VARCHAR(255) NOT NULL)",
		fmt.Sprintf("CREATE VIEW %[1]s.v2_instances AS SELECT %[2]s, mysql_server_uuid, endpoint, NULL AS xendpoint, NULL AS attributes, label FROM %[1]s.servers", schema, one),
		"CREATE TABLE " + schema + ".v2_routers (router_id INT UNSIGNED NOT NULL PRIMARY KEY, router_name VARCHAR(255), " +
			"address VARCHAR(255), version VARCHAR(12), last_check_in TIMESTAMP NULL, attributes JSON, options JSON)",
	}
	var servers, routers []string
	for i, m := range t.members {
		servers = append(servers, fmt.Sprintf("('%s', '%s:%d', '%s')", uuids[i], m.Address, port, m.Name))
	}
	for i, r := range t.routers {
		routers = append(routers, fmt.Sprintf("(%d, '%[2]s', '%[2]s', '{}', '{}')", routerID(i), r.Name))
	}
	return append(out,
		"INSERT INTO "+schema+".servers VALUES "+strings.Join(servers, ", "),
		"INSERT INTO "+schema+".v2_routers (router_id, router_name, address, attributes, options) VALUES "+strings.Join(routers, ", "),
		"CREATE USER 'router'@'%' IDENTIFIED WITH caching_sha2_password BY '"+images.DrillPassword+"'",
		"GRANT SELECT ON "+schema+".* TO 'router'@'%'",
		"GRANT UPDATE ON "+schema+".v2_routers TO 'router'@'%'", // it says twice an hour that it lives
		"GRANT SELECT ON performance_schema.replication_group_members TO 'router'@'%'",
		"GRANT SELECT ON performance_schema.replication_group_member_stats TO 'router'@'%'",
		"GRANT SELECT ON performance_schema.global_variables TO 'router'@'%'",
	)
}

// routerID numbers the Routers in the metadata, from 1.
func routerID(i int) int { return i + 1 }
