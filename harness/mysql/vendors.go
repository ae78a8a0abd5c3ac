package mysql

import (
	"fmt"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/dialect"
)

// vendor is what differs between the servers of different makers, beside their words.
type vendor struct {
	dialect.Dialect
	// settings is the component under which a scenario sets variables of all of this vendor's servers.
	settings string
	// variables are those that only this vendor has, in the order of the file.
	variables []variable
	history   history
}

// vendorOf finds the vendor of a node by its component.
func vendorOf(component string) (vendor, bool) {
	v, ok := vendors[component]
	return v, ok
}

var vendors = map[string]vendor{
	harness.MySQL:       mysqlServer,
	harness.Backend:     mysqlServer,
	harness.MariaDB:     mariadbServer,
	harness.MariaDB1011: mariadbServer,
}

var mysqlServer = vendor{
	Dialect:  words(dialect.MySQL),
	settings: harness.MySQL,
	history:  gtidSets{},
	variables: []variable{
		{"secure_file_priv", "NULL"},
		{"mysqlx", "OFF"},
		{"log_replica_updates", "ON"},
		{"gtid_mode", "ON"},
		{"enforce_gtid_consistency", "ON"},
		{"super_read_only", "ON"},
		// A replica that does not hear from its source for so long says so; the default of 60 s is the whole
		// detection time of a hung primary.
		{"replica_net_timeout", "4"},
		{"innodb_redo_log_capacity", "8M"},
		{"innodb_log_buffer_size", "1M"},
		{"temptable_max_ram", "2M"},
	},
}

var mariadbServer = vendor{
	Dialect:  words(dialect.MariaDB),
	settings: harness.MariaDB,
	history:  gtidDomains{},
	variables: []variable{
		{"log_slave_updates", "ON"},
		// Its default is MIXED.
		{"binlog_format", "ROW"},
		{"slave_net_timeout", "4"},
		{"innodb_log_file_size", "8M"},
		{"innodb_log_buffer_size", "2M"}, // the least that it takes
	},
}

// words is a dialect that there must be.
func words(driver string) dialect.Dialect {
	d, ok := dialect.Of(driver)
	if !ok {
		panic(fmt.Sprintf("there is no dialect %q", driver))
	}
	return d
}
