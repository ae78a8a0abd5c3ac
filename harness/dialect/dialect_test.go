package dialect

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryDialectIsWhole(t *testing.T) {
	for _, driver := range Drivers() {
		d, ok := Of(driver)
		require.True(t, ok, driver)
		assert.Equal(t, driver, d.Driver)
		for name, word := range map[string]string{
			"process": d.Process, "self": d.Self, "replica": d.Replica, "log end": d.LogEnd, "closed": d.Closed, "own": d.Own,
			"source": d.Status.Source, "receiver": d.Status.Receiver, "applier": d.Status.Applier, "lag": d.Status.Lag,
			"file": d.Status.AppliedFile, "position": d.Status.AppliedPosition, "enabled": d.SemiSync.Enabled, "clients": d.SemiSync.Clients,
		} {
			assert.NotEmpty(t, word, "%s: %s", driver, name)
		}
		assert.NotEmpty(t, d.Open)
		assert.Contains(t, d.OwnSince, "{before}")
		assert.Contains(t, d.Delay("7"), "DELAY = 7")
		for _, column := range []string{" AS read_only", " AS super_read_only", " AS gtid"} {
			assert.Contains(t, d.Self, column)
		}
		assert.Equal(t, len(d.Unseal) > 0, len(d.Seal) > 0, "what is unsealed is sealed again")
	}
	_, ok := Of("postgres")
	assert.False(t, ok)
}

func TestAttachInEachDialect(t *testing.T) {
	link := Link{Host: "m1", Port: 3306, User: "repl", Password: "p", Delay: 30}
	d, _ := Of(MySQL)
	assert.Contains(t, d.Attach(link), "CHANGE REPLICATION SOURCE TO SOURCE_HOST='m1', SOURCE_PORT=3306")
	assert.Contains(t, d.Attach(link), "SOURCE_AUTO_POSITION=1")
	assert.Contains(t, d.Attach(link), "SOURCE_DELAY=30")
	link.ByPosition = true
	assert.Contains(t, d.Attach(link), "SOURCE_AUTO_POSITION=0")
	d, _ = Of(MariaDB)
	assert.Contains(t, d.Attach(link), "CHANGE MASTER TO MASTER_HOST='m1', MASTER_PORT=3306")
	assert.Contains(t, d.Attach(link), "MASTER_USE_GTID=slave_pos")
	assert.Contains(t, d.Attach(link), "MASTER_HEARTBEAT_PERIOD=1")
	assert.Contains(t, d.Attach(link), "MASTER_DELAY=30")
}

func TestWhatAMariaDBServerHasThatAnotherHasNot(t *testing.T) {
	for name, c := range map[string]struct{ mine, theirs, want string }{
		"the same":                 {"0-1-150", "0-1-150", ""},
		"behind":                   {"0-1-148", "0-1-150", ""},
		"ahead":                    {"0-1-150", "0-1-148,0-2-300", "0-1-150 (after 148)"},
		"a transaction of its own": {"0-1-150,0-2-101", "0-1-150", "0-2-101"},
		"of its own, hidden behind later replicated":    {"0-2-101,0-1-400", "0-1-400", "0-2-101"},
		"of another domain":                             {"1-2-1,0-1-5", "0-1-5", "1-2-1"},
		"several, in order":                             {"1-1-3,0-3-7,0-2-9,0-1-5", "0-1-5", "0-2-9, 0-3-7, 1-1-3"},
		"nothing at all":                                {"", "0-1-5", ""},
		"an empty one on the other side":                {"0-1-5", "", "0-1-5"},
		"the highest of one server's several counts":    {"0-1-5,0-1-9", "0-1-7", "0-1-9 (after 7)"},
		"numbers are compared as such and not as words": {"0-1-9", "0-1-10", ""},
	} {
		t.Run(name, func(t *testing.T) {
			mine, err := ParseDomains(c.mine)
			require.NoError(t, err)
			theirs, err := ParseDomains(c.theirs)
			require.NoError(t, err)
			assert.Equal(t, c.want, mine.Beyond(theirs))
		})
	}
	for _, bad := range []string{"0-1", "8f5c-11:1-5", "0-1-x", "0-1-5,,0-1"} {
		_, err := ParseDomains(bad)
		assert.Error(t, err, bad)
	}
}

func TestPosition(t *testing.T) {
	assert.Equal(t, "binlog.000002:157", Position("binlog.000002", "157"))
	assert.Empty(t, Position("", "0"))
}
