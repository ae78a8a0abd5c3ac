package linode

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/firedrill/firedrill/harness/record"
)

func backends(port int, regions ...string) []BackendWish {
	var out []BackendWish
	for i, r := range regions {
		out = append(out, BackendWish{Node: []string{"p1", "p2", "p3"}[i], Region: r, Port: port, Private: true})
	}
	return out
}

func TestPreflightSaysWhatLinodeCannotDo(t *testing.T) {
	oneRegion := []string{"us-east", "us-east", "us-east"}
	for name, c := range map[string]struct {
		wish Wish
		want []string // a part of each finding's summary, in order
	}{
		"Patroni's REST API decides, PostgreSQL is served": {
			Wish{Balancers: []BalancerWish{{Name: "rw", Protocol: "tcp", OnlyPrimary: true, Check: CheckWish{Port: 8008, Path: "/primary"}, Nodes: backends(5432, oneRegion...)}}},
			[]string{"NodeBalancer rw: its check is to ask port 8008/primary and it sends to port 5432: a NodeBalancer checks the port that it sends to and no other"},
		},
		"the check is on the port of the data": {
			Wish{Balancers: []BalancerWish{{Name: "web", Protocol: "http", OnlyPrimary: true, Check: CheckWish{Port: 80, Path: "/primary"}, Nodes: backends(80, oneRegion...)}}}, nil,
		},
		"no port of its own": {
			Wish{Balancers: []BalancerWish{{Name: "web", Protocol: "http", Check: CheckWish{Path: "/healthz"}, Nodes: backends(80, oneRegion...)}}}, nil,
		},
		"udp may check another port": {
			Wish{Balancers: []BalancerWish{{Name: "dns", Protocol: "udp", Check: CheckWish{Port: 80}, Nodes: backends(53, oneRegion...)}}}, nil,
		},
		"a connection tells no primary from a replica": {
			Wish{Balancers: []BalancerWish{{Name: "rw", Protocol: "tcp", OnlyPrimary: true, Nodes: backends(3306, oneRegion...)}}},
			[]string{"a connection, which a replica accepts"},
		},
		"all may be sent to": {
			Wish{Balancers: []BalancerWish{{Name: "ro", Protocol: "tcp", Nodes: backends(3306, oneRegion...)}}}, nil,
		},
		"one node needs no choice": {
			Wish{Balancers: []BalancerWish{{Name: "rw", Protocol: "tcp", OnlyPrimary: true, Nodes: backends(3306, "us-east")}}}, nil,
		},
		"two regions": {
			Wish{Balancers: []BalancerWish{{Name: "ro", Protocol: "tcp", Nodes: backends(3306, "us-east", "eu-central", "us-east")}}},
			[]string{"NodeBalancer ro: its nodes are in eu-central and us-east, and a NodeBalancer has nodes of its own region alone"},
		},
		"public addresses": {
			Wish{Balancers: []BalancerWish{{Name: "ro", Protocol: "tcp", Nodes: []BackendWish{{Node: "m1", Region: "us-east", Port: 3306}, {Node: "m2", Region: "us-east", Port: 3306}}}}},
			[]string{"NodeBalancer ro: m1, m2: no private address"},
		},
		"times that the API refuses": {
			Wish{Balancers: []BalancerWish{
				{Name: "a", Protocol: "tcp", Check: CheckWish{Interval: 5, Timeout: 5}, Nodes: backends(80, "us-east")},
				{Name: "b", Protocol: "tcp", Check: CheckWish{Interval: 5}, Nodes: backends(80, "us-east")},
				{Name: "c", Protocol: "tcp", Check: CheckWish{Interval: 90, Timeout: 60}, Nodes: backends(80, "us-east")},
				{Name: "d", Protocol: "tcp", Check: CheckWish{Attempts: 99}, Nodes: backends(80, "us-east")},
				{Name: "e", Protocol: "tcp", Check: CheckWish{Interval: 5, Timeout: 3, Attempts: 2}, Nodes: backends(80, "us-east")},
			}},
			[]string{"a: its check's interval of 5 s is not longer than its time-out of 5 s", "b: its check's interval of 5 s is not longer than the time-out, which is 30 s",
				"c: its check's time-out is 60 s", "d: its check has 99 attempts"},
		},
		"TTLs": {
			Wish{Records: []RecordWish{{"a.test", 60}, {"b.test", 120}, {"c.test", 600}, {"d.test", 0}, {"e.test", 5}, {"f.test", 9999999}}},
			[]string{"record a.test: the API rounds the TTL of 60 s up to 120 s, so a resolver may follow a failover 60 s later", "record c.test: the API rounds the TTL of 600 s up to 3600 s",
				"record d.test: no TTL is asked for", "record e.test: the API rounds the TTL of 5 s up to 30 s", "record f.test: the TTL of 9999999 s becomes 2419200 s"},
		},
		"nothing is asked for": {Wish{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			found := Preflight(c.wish)
			if !assert.Len(t, found, len(c.want), "%v", found) {
				return
			}
			for i, f := range found {
				assert.Contains(t, f.Summary, c.want[i])
				assert.NotEmpty(t, f.Remedy, "a finding says what to do")
			}
		})
	}
}

func TestPreflightOffersAWayOut(t *testing.T) {
	found := Preflight(Wish{Balancers: []BalancerWish{{Name: "rw", Protocol: "tcp", OnlyPrimary: true, Check: CheckWish{Port: 8008, Path: "/primary"},
		Nodes: []BackendWish{{Node: "p1", Region: "us-east", Port: 5432}, {Node: "p2", Region: "us-west", Port: 5432}}}}})
	var remedies []string
	for _, f := range found {
		assert.Equal(t, record.SeverityCritical, f.Severity)
		remedies = append(remedies, f.Remedy)
	}
	assert.Len(t, remedies, 3)
	assert.Contains(t, remedies[0], "HAProxy on a virtual machine")
	assert.Contains(t, remedies[1], "one NodeBalancer a region")
	assert.Contains(t, remedies[2], "admit 192.168.255.0/24")
}
