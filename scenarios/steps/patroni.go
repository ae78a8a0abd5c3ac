package steps

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/firedrill/firedrill/harness/patroni"
	"github.com/firedrill/firedrill/scenarios"
)

// saidWithin bounds the wait for Patroni to say something: twice the ttl that it runs with by default would be too long
// for a drill, its slowest word (the end of failsafe mode) comes after one.
const saidWithin = 30 * time.Second

// patroniForms are what an operator does with patronictl or with Patroni's REST API, and what can be seen there.
var patroniForms = []Form{
	{
		Form: `the operator forces a failover to TARGET`, Means: "Patroni: whether or not there is a leader, and however far that node is behind", NeedsTopology: true,
		Handler: operates("failover"),
	},
	{
		Form: `the operator schedules a switchover in DURATION`, Means: "Patroni: to whom it chooses; by the leader's own clock", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, in time.Duration) error {
			return d.Operate(ctx, text(ctx), patroni.Schedule, inSeconds(in))
		},
	},
	{
		Form: `the operator schedules a switchover to TARGET in DURATION`, Means: "Patroni: by the leader's own clock", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, in time.Duration) error {
			names, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			if len(names) != 1 {
				return fmt.Errorf("%s is %d nodes: a switchover goes to one", target, len(names))
			}
			return d.Operate(ctx, text(ctx), patroni.Schedule, inSeconds(in), names[0])
		},
	},
	{
		Form: `the operator schedules a switchover in DURATION, which fails`, Means: "Patroni is asked, and says no", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, in time.Duration) error {
			return refuses(ctx, d, patroni.Schedule, inSeconds(in))
		},
	},
	{
		Form: `the operator restarts PostgreSQL on TARGET`, Means: "through Patroni, as for a setting that needs it", NeedsTopology: true,
		Handler: operates(patroni.Restart),
	},
	{
		Form: `the operator pauses automatic failover`, Means: "Patroni: maintenance mode; no fault: no promise counts from it", NeedsTopology: true,
		Handler: instructs(patroni.Pause),
	},
	{
		Form: `the operator resumes automatic failover`, Means: "Patroni: the end of maintenance mode", NeedsTopology: true,
		Handler: instructs(patroni.Resume),
	},
	{
		Form: `the operator reinitializes TARGET`, Means: "Patroni: its data are thrown away and copied anew; no fault: no promise counts from it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			names, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			return d.Instruct(ctx, text(ctx), patroni.Reinitialize, names...)
		},
	},
	{
		Form: `the operator replaces etcd on TARGET`, Means: "the cluster forgets that member, and takes it in again with no data; no fault: no promise counts from it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			names, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			return d.Instruct(ctx, text(ctx), patroni.ReplaceMember, names...)
		},
	},
	{
		Form: `the operator has TARGET lead etcd`, Means: "the leader hands over to that member; no fault: no promise counts from it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			names, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			return d.Instruct(ctx, text(ctx), patroni.LeadEtcd, names...)
		},
	},
	{
		Form: `the operator has the main cluster follow the standby cluster`, Means: "Patroni: in etcd, so that it holds when the lost nodes come back; no fault", NeedsTopology: true,
		Handler: instructs(patroni.Follow),
	},
	{
		Form: `the operator sets the dynamic setting "NAME" to "NAME"`, Means: "Patroni: for all nodes, by the REST API; dots for what is nested, null takes it away; no fault", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, key, value string) error {
			return d.Instruct(ctx, text(ctx), patroni.Set, key, value)
		},
	},
	{
		Form: `Patroni reports "NAME"`, Means: "whole words of what it tells of itself: keys, roles, timelines, failsafe mode, pause, synchronous standbys; waits up to 30 seconds", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, words string) error {
			if err := expect(ctx, d, "manager", params{"reports": words, "all": true}); err != nil {
				return err
			}
			return d.AwaitWord(ctx, words, saidWithin)
		},
	},
	{
		Form: `Patroni does not report "NAME"`, Means: "in the whole drill", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, words string) error {
			return expect(ctx, d, "manager", params{"silent": words, "all": true})
		},
	},
	{
		Form: `TARGET [answer|answers] NUMBER to "NAME" within DURATION`, Means: "Patroni: the HTTP status that its REST API gives to a GET of that path; looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, status int, path string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is(strconv.Itoa(status)), within, scenarios.Status(target, path))
		},
	},
	{
		Form: `the answer of TARGET to "NAME" has "NAME" within DURATION`, Means: "Patroni: these words are in what its REST API answers to a GET of that path; single quotes stand for double ones; looks until they are", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target, path, words string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is(scenarios.Has), within, scenarios.Says(target, path, words))
		},
	},
}

func inSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// instructs is a form of what an operator tells the failover manager and what is no fault.
func instructs(verb string) any {
	return func(ctx context.Context, d *scenarios.Drill) error { return d.Instruct(ctx, text(ctx), verb) }
}
