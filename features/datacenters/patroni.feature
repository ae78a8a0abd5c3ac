@patroni @etcd @extended
Feature: A datacenter goes dark, and Patroni fences what is in it
  Three datacenters, each with an etcd member, a database, a proxy and an
  application that writes through the proxy beside it. The leader is in dc1. DNS
  and its API lie outside of all three.

  A leader that does not reach etcd steps down by itself, after retry_timeout
  and before its key expires for the others: no two lead at once. It has a member
  of etcd beside it that is silent and not gone, so this takes from 4 to 15
  seconds with a retry_timeout of 3. What it acknowledged until then to the
  application beside it is on no other side.

  A leader that was cut off is stopped twice before it follows: once to demote
  it, which waits for those who receive its WAL (wal_sender_timeout, 60 s), and
  once to rewind it, which waits for whoever has opened a connection through the
  cut and never said a word (authentication_timeout, 60 s). Both are short here.

  Background:
    Given the topology "patroni-3dc"
    And these settings:
      | component  | key                    | value |
      | postgresql | wal_sender_timeout     | 5s    |
      | postgresql | authentication_timeout | 5s    |
    And the application waits 1 second for each answer
    And the application writes 10 rows per second through "proxy.shop.test"

  Scenario: the leader's datacenter is isolated, and what was written in the dark is given up on the return
    A proxy in the lost datacenter would have taken the others down with it, so
    each has its own; the name is a second way to the same leader. The dark
    application's rows end with a timeline that nobody else has.
    Given the application writes 5 rows per second through "db.shop.test"
    And the steady state holds
    When datacenter "dc1" is isolated
    Then a new leader is promoted within 45 seconds
    And the promoted node is one of "p2, p3"
    And the old leader stops accepting writes within 20 seconds
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes
    And the recovery time is at most 60 seconds for the application in datacenter "dc2"
    And the recovery time is at most 60 seconds for the application in datacenter "dc3"
    When 5 seconds pass
    And the isolation is healed
    Then the old leader rejoins as a replica within 60 seconds
    And acknowledged writes of the application in datacenter "dc1" are lost
    And at most 300 acknowledged writes of the application in datacenter "dc1" are lost
    And at most 10 acknowledged writes of the application in datacenter "dc2" are lost
    And at most 10 acknowledged writes of the application in datacenter "dc3" are lost
    And a finding of the report names "the history at the end"
    And a finding of the report names "timeline 2 of p1 up to"
    And no node has errant transactions

  Scenario: the leader's datacenter is isolated, and with a synchronous standby nothing is lost
    Every standby is in another datacenter. The isolated leader's commits hang,
    and the application beside it is told of none.
    Given synchronous replication is on
    And the steady state holds
    When datacenter "dc1" is isolated
    Then a new leader is promoted within 45 seconds
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes
    When 10 seconds pass
    And the isolation is healed
    Then the old leader rejoins as a replica within 60 seconds
    And no acknowledged write is lost
    And no node has errant transactions

  Scenario: the leader's datacenter is isolated in failsafe mode, and steps down all the same
    Failsafe mode goes on without etcd while every member answers. In a dark
    datacenter no other one does; to ask them in vain takes four seconds more,
    in which more is written that is lost.
    Given these settings:
      | component | key           | value |
      | patroni   | failsafe_mode | true  |
    And the steady state holds
    When datacenter "dc1" is isolated
    Then a new leader is promoted within 45 seconds
    And the promoted node is one of "p2, p3"
    And the old leader stops accepting writes within 25 seconds
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes
    And the recovery time is at most 60 seconds for the application in datacenter "dc2"
    And the recovery time is at most 60 seconds for the application in datacenter "dc3"
    When 5 seconds pass
    And the isolation is healed
    Then the old leader rejoins as a replica within 60 seconds
    And Patroni does not report "failsafe mode is active"
    And acknowledged writes of the application in datacenter "dc1" are lost
    And at most 10 acknowledged writes of the application in datacenter "dc2" are lost
    And no node has errant transactions

  Scenario: the leader's datacenter is isolated with Patroni's default times, and more of what it acknowledged is lost
    The application beside it writes on through the proxy beside it, until the
    leader steps down: twice as long as with the shortest times that there are,
    while the failover takes little longer.
    Given these settings:
      | component | key           | value |
      | patroni   | ttl           | 30    |
      | patroni   | loop_wait     | 10    |
      | patroni   | retry_timeout | 10    |
    And the steady state holds
    When datacenter "dc1" is isolated
    Then a new leader is promoted within 75 seconds
    And the old leader stops accepting writes within 30 seconds
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes
    And acknowledged writes of the application in datacenter "dc1" are lost

  Scenario: an isolation that is shorter than retry_timeout
    Given the steady state holds
    When datacenter "dc1" is isolated
    And 2 seconds pass
    And the isolation is healed
    Then no failover happens for 25 seconds
    And 2 replicas replicate from the leader within 60 seconds
    And no acknowledged write is lost

  Scenario: the isolation outlasts retry_timeout and not ttl, and the same leader leads again
    It steps down, and its key, which lives longer here, outlives its absence:
    nobody may follow. What it acknowledged in the dark is kept, because it
    leads again.
    Given these settings:
      | component | key | value |
      | patroni   | ttl | 40    |
    And the steady state holds
    When datacenter "dc1" is isolated
    And 20 seconds pass
    And the isolation is healed
    Then Patroni reports "with the same leader"
    And no failover happens for 30 seconds
    And writes are interrupted for at least 8 seconds
    And the recovery time is at most 90 seconds
    And the promoted node is the old leader
    And 2 replicas replicate from the leader within 30 seconds
    And no acknowledged write is lost
    And no node has errant transactions
    And at no time could two nodes acknowledge writes

  Scenario: the isolation flaps, and there is one leader at the end
    Each time it outlasts retry_timeout. Whether the key outlives all of them is
    a matter of moments: another may follow, once.
    Given the steady state holds
    When 3 times, 12 seconds on and 6 seconds off: datacenter "dc1" is isolated
    And the schedule is over
    And 25 seconds pass
    Then at most 1 failover happens
    And 2 replicas replicate from the leader within 60 seconds
    And at no time could two nodes acknowledge writes
    And at most 10 acknowledged writes of the application in datacenter "dc2" are lost
    And at most 10 acknowledged writes of the application in datacenter "dc3" are lost
    And no node has errant transactions

  Scenario: a datacenter without the leader is isolated, and the others do not notice
    Given the steady state holds
    When datacenter "dc3" is isolated
    Then no failover happens for 30 seconds
    And the recovery time is at most 5 seconds for the application in datacenter "dc1"
    And the recovery time is at most 5 seconds for the application in datacenter "dc2"
    And writes are interrupted for at least 25 seconds
    When the isolation is healed
    Then 2 replicas replicate from the leader within 30 seconds
    And no failover happens for 10 seconds
    And no acknowledged write is lost
    And no node has errant transactions
    And at no time could two nodes acknowledge writes

  Scenario: two of three datacenters cannot reach each other, with the leader of etcd beside Patroni's
    The third one sees both, so etcd has a quorum and a leader, and Patroni too.
    The application on the other side of the cut reaches neither the leader nor
    a replica that could follow.
    Given the steady state holds
    And the operator has node "e1" lead etcd
    When datacenter "dc1" is partitioned from datacenter "dc2"
    Then no failover happens for 30 seconds
    And the recovery time is at most 10 seconds for the application in datacenter "dc1"
    And the recovery time is at most 10 seconds for the application in datacenter "dc3"
    And writes are interrupted for at least 25 seconds
    When the partition is healed
    Then 2 replicas replicate from the leader within 30 seconds
    And no acknowledged write is lost
    And no node has errant transactions

  Scenario: two of three datacenters cannot reach each other, with the leader of etcd across the cut
    The etcd member beside Patroni's leader has lost its own leader, and answers
    nothing that counts. The third one's does.
    Given the steady state holds
    And the operator has node "e2" lead etcd
    When datacenter "dc1" is partitioned from datacenter "dc2"
    Then no failover happens for 30 seconds
    And the recovery time is at most 10 seconds for the application in datacenter "dc1"
    And the recovery time is at most 10 seconds for the application in datacenter "dc3"
    And writes are interrupted for at least 25 seconds
    When the partition is healed
    Then 2 replicas replicate from the leader within 30 seconds
    And no acknowledged write is lost
    And no node has errant transactions

  Scenario: the leader's datacenter is heard, and hears nothing
    What the others send does not arrive. An answer of etcd is a thing to hear.
    Given the steady state holds
    When nodes "e2, p2, lb2, r2, app2, e3, p3, lb3, r3, app3, dns" cannot reach datacenter "dc1"
    Then a new leader is promoted within 45 seconds
    And the promoted node is one of "p2, p3"
    And the old leader stops accepting writes within 20 seconds
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes
    And the recovery time is at most 60 seconds for the application in datacenter "dc2"
    And the recovery time is at most 60 seconds for the application in datacenter "dc3"
    When 5 seconds pass
    And all faults are healed
    Then the old leader rejoins as a replica within 60 seconds
    And at most 200 acknowledged writes are lost
    And no node has errant transactions

  Scenario: the leader's datacenter hears, and is not heard
    Given the steady state holds
    When datacenter "dc1" cannot reach every other node
    Then a new leader is promoted within 45 seconds
    And the promoted node is one of "p2, p3"
    And the old leader stops accepting writes within 20 seconds
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes
    And the recovery time is at most 60 seconds for the application in datacenter "dc2"
    And the recovery time is at most 60 seconds for the application in datacenter "dc3"
    When 5 seconds pass
    And all faults are healed
    Then the old leader rejoins as a replica within 60 seconds
    And at most 200 acknowledged writes are lost
    And no node has errant transactions

  Scenario: the leader's host is lost while the datacenters are far apart
    80 ms between any two of them, with jitter. A write across takes half a
    second, since the application opens a connection for each.
    Given the application waits 2 seconds for each answer
    And the steady state holds
    When the network of datacenter "dc1" has 40 milliseconds latency with 10 milliseconds jitter
    And the network of datacenter "dc2" has 40 milliseconds latency with 10 milliseconds jitter
    And the network of datacenter "dc3" has 40 milliseconds latency with 10 milliseconds jitter
    Then a round trip from node "app2" to node "p1" takes at least 60 milliseconds
    And a round trip from node "app3" to node "p2" takes at least 60 milliseconds
    When 5 seconds pass
    And the host of the leader is lost
    Then a new leader is promoted within 60 seconds
    And the promoted node is one of "p2, p3"
    And exactly 1 failover happens
    And the recovery time is at most 60 seconds
    And at most 20 acknowledged writes are lost
    And at no time could two nodes acknowledge writes
    When 5 seconds pass
    And all faults are healed
    Then the old leader rejoins as a replica within 90 seconds
    And no node has errant transactions

  Scenario: the leader's datacenter loses its power, and comes back
    Nobody is left in there to write into the dark: what is lost is what had not
    left when the power went.
    Given the steady state holds
    When the host of datacenter "dc1" is lost
    Then a new leader is promoted within 45 seconds
    And the promoted node is one of "p2, p3"
    And exactly 1 failover happens
    And the recovery time is at most 60 seconds for the application in datacenter "dc2"
    And the recovery time is at most 60 seconds for the application in datacenter "dc3"
    And at most 10 acknowledged writes are lost
    When 10 seconds pass
    And the host of datacenter "dc1" returns
    Then the old leader rejoins as a replica within 90 seconds
    And 2 replicas replicate from the leader within 30 seconds
    And no node has errant transactions
    And at no time could two nodes acknowledge writes

  Scenario: the new leader's host is lost after the datacenter was
    Two members of etcd are a quorum, and whoever is left leads.
    Given the steady state holds
    When the host of datacenter "dc1" is lost
    Then a new leader is promoted within 45 seconds
    When 5 seconds pass
    And the host of the leader is lost
    And 40 seconds pass
    Then exactly 2 failovers happen
    And the promoted node is one of "p2, p3"
    And the recovery time is at most 2 minutes for the application in datacenter "dc2"
    And the recovery time is at most 2 minutes for the application in datacenter "dc3"
    And at most 20 acknowledged writes are lost
    When all faults are healed
    Then 2 replicas replicate from the leader within 90 seconds
    And no node has errant transactions
    And at no time could two nodes acknowledge writes

  Scenario: a second datacenter is lost, and the first comes back with less and leads
    One member of etcd of three elects nobody, so the return of the first
    datacenter decides. Its log is shorter in what was acknowledged and longer
    in bytes: the restart after the power loss began a new file. By default
    Patroni compares bytes. The new leader's timeline has the number of the one
    that it never had: of the other two nodes one tries for ever to follow it,
    and the one that led meanwhile follows without a rewind, with rows in it that
    its leader has not. To Patroni and PostgreSQL that one streams, with no lag.
    Given the steady state holds
    When the host of datacenter "dc1" is lost
    Then a new leader is promoted within 45 seconds
    When 20 seconds pass
    And the host of the leader's datacenter is lost
    Then no failover happens for 30 seconds
    And writes are interrupted for at least 30 seconds
    When the host of datacenter "dc1" returns
    And 45 seconds pass
    And all faults are healed
    And 20 seconds pass
    Then exactly 2 failovers happen
    And the promoted node is the old leader
    And acknowledged writes are lost
    And a finding of the report names "two timelines are called 3"
    And a finding of the report names "another timeline 3 than the leader's"
    And a finding of the report names "check_timeline: true"
    And at no time could two nodes acknowledge writes
    And no node has errant transactions
    But the drill fails because "errant transactions"

  Scenario: a second datacenter is lost, and with check_timeline nobody leads until a person decides
    The first node knows that its timeline was left, and does not lead. The third
    one sees a longer log there, and does not either.
    Given these settings:
      | component | key                    | value |
      | patroni   | check_timeline         | true  |
      | p2        | tags.failover_priority | 2     |
      | p3        | tags.failover_priority | 1     |
    And the steady state holds
    When the host of datacenter "dc1" is lost
    Then node "p2" is promoted within 45 seconds
    When 20 seconds pass
    And the host of datacenter "dc2" is lost
    Then no failover happens for 30 seconds
    When the host of datacenter "dc1" returns
    Then no failover happens for 45 seconds
    When the operator forces a failover to node "p3"
    And 20 seconds pass
    Then the promoted node is one of "p3"
    And exactly 2 failovers happen
    And at most 20 acknowledged writes are lost
    When all faults are healed
    Then 2 replicas replicate from the leader within 90 seconds
    And no node has errant transactions
    And no finding of the report names "two timelines are called"
    And at no time could two nodes acknowledge writes

  Scenario: PostgreSQL's port alone is cut, nobody fails over, and the next loss costs what was written meanwhile
    etcd and Patroni's REST API are reached, so all is well to Patroni and to
    every proxy. The replicas fall behind with every write of the application
    that still reaches the leader: the one beside it.
    Given the steady state holds
    When datacenter "dc1" is partitioned from nodes "p2, p3, lb2, lb3" on port 5432
    Then no failover happens for 20 seconds
    And the leader answers 200 to "/primary" within 2 seconds
    And writes are interrupted for at least 15 seconds
    When the host of node "p1" is lost
    Then a new leader is promoted within 80 seconds
    And the promoted node is one of "p2, p3"
    And exactly 1 failover happens
    And acknowledged writes of the application in datacenter "dc1" are lost
    And at most 400 acknowledged writes of the application in datacenter "dc1" are lost
    And at most 10 acknowledged writes of the application in datacenter "dc2" are lost
    When 10 seconds pass
    And all faults are healed
    Then the old leader rejoins as a replica within 90 seconds
    And no node has errant transactions
    And at no time could two nodes acknowledge writes

  Scenario: in maintenance mode nobody steps down, and an operator who promotes the other side makes two leaders
    Patroni lets a paused leader run on without etcd. It does not know that the
    operator on the other side has given up on it.
    Given the steady state holds
    When the operator pauses automatic failover
    And datacenter "dc1" is isolated
    Then no failover happens for 25 seconds
    When the operator forces a failover to node "p2"
    And 15 seconds pass
    Then at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"
    When the isolation is healed
    And 10 seconds pass
    And the operator resumes automatic failover
    Then the old leader rejoins as a replica within 60 seconds
    And exactly 1 failover happens
    And acknowledged writes of the application in datacenter "dc1" are lost
    And no node has errant transactions
