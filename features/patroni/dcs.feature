@patroni @etcd
Feature: The store that tells who leads
  The leader renews a key in etcd; it lives for ttl. Who cannot renew it steps
  down before it expires, and nobody else leads while it lives: so a broken etcd
  costs writes, and never makes a second leader. A member more or less is
  nothing to it.

  Background:
    Given the topology "patroni-3"
    And the application writes 10 rows per second through "db.shop.test"

  @extended
  Scenario: the leader is cut off from etcd alone, and steps down before its key expires
    Its replicas and the application still reach it: the clean stop hands them
    everything, and the failover loses nothing. It follows the new leader even
    before it sees etcd again.
    Given the steady state holds
    When the leader is partitioned from every etcd member
    Then a new leader is promoted within 45 seconds
    And the old leader stops accepting writes within 15 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 50 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes
    When the partition is healed
    Then the old leader rejoins as a replica within 60 seconds
    And no node has errant transactions

  @extended
  Scenario: etcd refuses the leader in place of silence
    A refusal is quicker than silence: it has asked every member in a moment,
    and steps down at once. The failover waits for ttl all the same.
    Given the steady state holds
    When the leader cannot reach every etcd member and is refused
    Then a new leader is promoted within 45 seconds
    And the old leader stops accepting writes within 15 seconds
    And exactly 1 failover happens
    And the recovery time is at most 50 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: a replica is cut off from etcd, and goes on replicating
    Given the steady state holds
    When node "p3" is partitioned from every etcd member
    Then no failover happens for 25 seconds
    And 2 replicas replicate from the leader within 5 seconds
    And writes are interrupted for at most 8 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the leader is lost while a replica is cut off from etcd
    Who does not reach etcd cannot take the key, however much it has.
    Given the steady state holds
    When node "p2" is partitioned from every etcd member
    And 5 seconds pass
    And the host of the leader is lost
    Then node "p3" is promoted within 60 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And exactly 1 failover happens
    And at most 10 acknowledged writes are lost
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: the host of the etcd leader is lost
    Given the steady state holds
    When the host of the etcd leader is lost
    Then no failover happens for 25 seconds
    And writes are interrupted for at most 8 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the etcd leader hangs, and wakes up as a follower
    Whoever of Patroni's was connected to it waits for an answer that does not
    come, and asks the next one.
    Given the steady state holds
    When "etcd" on the etcd leader is frozen
    Then no failover happens for 25 seconds
    And writes are interrupted for at most 8 seconds
    When all faults are healed
    Then no failover happens for 5 seconds
    And no acknowledged write is lost

  @extended
  Scenario: etcd loses its quorum, and the whole cluster is read-only until it is back
    The leader steps down, and nobody can follow it. The node that led leads
    again, on a timeline of its own: the failovers are none, the outage is as
    long as etcd's.
    Given the steady state holds
    When the host of a majority of etcd is lost
    Then the old leader stops accepting writes within 15 seconds
    And node "p1" answers 503 to "/primary" within 5 seconds
    And no failover happens for 15 seconds
    And writes are interrupted for at least 10 seconds
    When the host of a majority of etcd returns
    Then Patroni reports "with the same leader"
    And the recovery time is at most 90 seconds
    And the promoted node is the old leader
    And exactly 0 failovers happen
    And 2 replicas replicate from the leader within 60 seconds
    And at no time could two nodes acknowledge writes
    And no acknowledged write is lost

  @extended
  Scenario: etcd is slower than Patroni waits
    A round trip of 5 seconds is no answer. Everybody is cut off at once, so
    there is no failover, but no leader either.
    Given the steady state holds
    When the network of every etcd member has 5 seconds latency
    Then the old leader stops accepting writes within 30 seconds
    And no failover happens for 10 seconds
    When all faults are healed
    Then the recovery time is at most 2 minutes
    And the promoted node is the old leader
    And at no time could two nodes acknowledge writes
    And no acknowledged write is lost

  @extended
  Scenario: the disk of the etcd leader is full
    etcd ends when it cannot write its log. Another member leads, and nobody
    else notices.
    Given the steady state holds
    When the disk of the etcd leader is full
    Then no failover happens for 25 seconds
    And writes are interrupted for at most 8 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a member of etcd loses its data, and is replaced before the next loss
    It cannot come back by itself: the others know it, and it knows nothing. Two
    of three are a quorum with nothing to spare until somebody replaces it.
    Given the steady state holds
    When the host of node "e3" is lost
    And the host of node "e3" returns with an empty disk
    Then "etcd" on node "e3" does not run
    And no failover happens for 10 seconds
    When the operator replaces etcd on node "e3"
    Then "etcd" on node "e3" runs within 10 seconds
    When the host of node "e1" is lost
    Then no failover happens for 25 seconds
    And writes are interrupted for at most 8 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a member of etcd loses its data, nobody minds, and the next loss is the quorum
    Given the steady state holds
    When the host of node "e3" is lost
    And the host of node "e3" returns with an empty disk
    Then "etcd" on node "e3" does not run
    And no failover happens for 10 seconds
    When the host of node "e1" is lost
    Then no failover happens for 20 seconds
    And writes are interrupted for at most 8 seconds
    But the drill fails because "writes are interrupted"
    When the host of node "e1" returns
    And the operator replaces etcd on node "e3"
    Then "etcd" on node "e3" runs within 10 seconds
