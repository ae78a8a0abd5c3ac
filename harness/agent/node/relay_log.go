package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

const replicaStatus = "SHOW REPLICA STATUS"

// arrivesWithin is how long a tear waits for something that it can destroy.
const arrivesWithin = 10 * time.Second

// relayLogHealed is the way back: the logs are thrown away, and what was in them is fetched again. It needs GTIDs:
// without them the position to go on from would be lost with the logs.
func relayLogHealed(db agent.Database) agent.SQLSpec {
	return agent.SQLSpec{
		Database: db,
		Needs: []agent.SQLAsk{
			{SQL: replicaStatus, Column: "Source_Host", Says: "it replicates from nobody"},
			{SQL: replicaStatus, Column: "Auto_Position", Is: "1", Says: "it does not replicate by GTID, so that what is lost could not be fetched again"},
		},
		Seen: []agent.SQLAsk{
			{SQL: replicaStatus, Column: "Replica_SQL_Running", Is: "No", Says: "{torn}"},
			{SQL: replicaStatus, Column: "Last_SQL_Errno", Says: "the applier has stopped with error {answer}"},
		},
		Undo: []agent.SQLStep{{
			If:    []agent.SQLAsk{{SQL: replicaStatus, Column: "Source_Host"}},
			Else:  "it replicates from nobody any more, so that its relay logs are gone",
			SQL:   []string{"STOP REPLICA", "RESET REPLICA", "START REPLICA"},
			Until: &agent.SQLAsk{SQL: replicaStatus, Column: "Replica_SQL_Running", Is: "Yes"},
			Says:  "its relay logs were thrown away and are fetched again, and the applier runs",
		}},
	}
}

func canTear(s agent.TornRelayLogSpec) (string, error) { return canSQL(relayLogHealed(s.Database)) }

// tornRelayLog stops the applier, waits until something has arrived that it has not applied, and overwrites that with
// zeros: what a file system makes of the end of a file that was extended but never written.
func (a *Agent) tornRelayLog(ctx context.Context, fault string, s agent.TornRelayLogSpec) (agent.Stamp, error) {
	w := a.statements(fault, relayLogHealed(s.Database))
	conn, err := w.connect(ctx)
	if err != nil {
		return agent.Stamp{}, err
	}
	defer conn.Close()
	a.deeds.push(fault, deed{name: s.Kind(), undo: w.undo, inspect: w.inspect})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	if _, err := w.exec(ctx, conn, "STOP REPLICA SQL_THREAD"); err != nil {
		return stamp, err
	}
	if err := w.awaitArrival(ctx, conn); err != nil {
		return stamp, err
	}
	if _, err := w.exec(ctx, conn, "STOP REPLICA IO_THREAD"); err != nil {
		return stamp, err
	}
	torn, err := w.tear(ctx, conn)
	if err != nil {
		return stamp, err
	}
	w.known.Store("torn", torn)
	_, err = w.exec(ctx, conn, "START REPLICA")
	stamp.Effective = agent.Monotonic()
	return stamp, err // the proof is the server's own error, a moment later
}

// awaitArrival waits until the replica has received what it has not applied.
func (w *statements) awaitArrival(ctx context.Context, conn sqlConn) error {
	return wait.Until(ctx, "something arrives that is not applied yet", arrivesWithin, func(ctx context.Context) (bool, string, error) {
		status, err := w.exec(ctx, conn, replicaStatus)
		if err != nil {
			return false, "", err
		}
		unapplied, _, err := w.ask(ctx, conn, agent.SQLAsk{SQL: fmt.Sprintf("SELECT GTID_SUBTRACT('%s', '%s')",
			status.Get(0, "Retrieved_Gtid_Set"), status.Get(0, "Executed_Gtid_Set"))})
		return unapplied != "", "nothing is written on " + status.Get(0, "Source_Host"), err
	})
}

// tear overwrites the current relay log from where the applier stands, and says what it did.
func (w *statements) tear(ctx context.Context, conn sqlConn) (string, error) {
	status, err := w.exec(ctx, conn, replicaStatus)
	if err != nil {
		return "", err
	}
	base, _, err := w.ask(ctx, conn, agent.SQLAsk{SQL: "SELECT @@global.relay_log_basename"})
	if err != nil {
		return "", err
	}
	name := status.Get(0, "Relay_Log_File")
	from, err := strconv.ParseInt(status.Get(0, "Relay_Log_Pos"), 10, 64)
	if err != nil {
		return "", fmt.Errorf("read position in %s: %w", name, err)
	}
	return zero(filepath.Join(filepath.Dir(base), name), from)
}

// zero overwrites the end of a file in place.
func zero(path string, from int64) (string, error) {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return "", fmt.Errorf("tear relay log: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("tear relay log: %w", err)
	}
	n := info.Size() - from
	if n <= 0 {
		return "", fmt.Errorf("tear %s: all of its %d bytes are applied", path, info.Size())
	}
	if _, err := file.WriteAt(make([]byte, n), from); err != nil {
		return "", fmt.Errorf("tear relay log: %w", err)
	}
	return fmt.Sprintf("%d bytes of %s are zeros", n, filepath.Base(path)), file.Sync()
}
