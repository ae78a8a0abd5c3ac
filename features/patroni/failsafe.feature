@patroni @etcd @extended
Feature: Failsafe mode
  A leader that has lost etcd asks every member whether it may go on. While all
  of them answer, nobody else can be leading, and it does: etcd's outage is none
  of the application's. One member that is silent is enough to step down.

  Background:
    Given the topology "patroni-failsafe"
    And the application writes 10 rows per second through "db.shop.test"

  Scenario: etcd loses its quorum, and writes go on
    The member that is left answers that it has no leader, the others do not
    answer at all.
    Given the steady state holds
    When the host of a majority of etcd is lost
    Then Patroni reports "failsafe mode is active"
    And no failover happens for 30 seconds
    And writes are interrupted for at most 8 seconds
    When the host of a majority of etcd returns
    Then Patroni reports "failsafe mode ended"
    And no failover happens for 10 seconds
    And 2 replicas replicate from the leader within 10 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: every member of etcd is killed, and writes go on
    Given the steady state holds
    When "etcd" on every etcd member is killed
    Then no failover happens for 30 seconds
    And writes are interrupted for at most 8 seconds
    When "etcd" on every etcd member is started
    Then no failover happens for 10 seconds
    And no acknowledged write is lost

  Scenario: the leader is cut off from etcd alone, and goes on
    Its replicas see etcd, and its key gone from there; but they have promised it.
    Given the steady state holds
    When the leader is partitioned from every etcd member
    Then no failover happens for 40 seconds
    And writes are interrupted for at most 8 seconds
    When the partition is healed
    Then no failover happens for 10 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: etcd is slower than Patroni waits, and writes go on
    Given the steady state holds
    When the network of every etcd member has 5 seconds latency
    Then no failover happens for 30 seconds
    And writes are interrupted for at most 8 seconds
    When all faults are healed
    Then no failover happens for 10 seconds
    And no acknowledged write is lost

  Scenario: etcd loses its quorum and a replica its host, and the leader steps down
    Failsafe mode needs every member: one that does not answer may be leading.
    PostgreSQL's clean stop waits for the walsender of the lost replica, a
    minute by default (wal_sender_timeout): etcd comes back meanwhile, and the
    other replica takes the leadership.
    Given the steady state holds
    When the host of a majority of etcd is lost
    Then Patroni reports "failsafe mode is active"
    When the host of node "p3" is lost
    Then no failover happens for 15 seconds
    When the host of a majority of etcd returns
    Then node "p2" is promoted within 90 seconds
    And exactly 1 failover happens
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: the same, and a leader that stops at once leads again
    Given these settings:
      | component  | key                | value |
      | postgresql | wal_sender_timeout | 5s    |
    And the steady state holds
    When the host of a majority of etcd is lost
    Then Patroni reports "failsafe mode is active"
    When the host of node "p3" is lost
    Then no failover happens for 20 seconds
    And the old leader stops accepting writes within 60 seconds
    When the host of a majority of etcd returns
    Then Patroni reports "with the same leader"
    And the recovery time is at most 2 minutes
    And exactly 0 failovers happen
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: the leader dies in failsafe mode, and a replica follows once etcd is back
    Without etcd there is no election, and nobody leads. The outage is etcd's,
    and the rest of ttl.
    Given the steady state holds
    When the host of a majority of etcd is lost
    Then Patroni reports "failsafe mode is active"
    When the host of the leader is lost
    Then no failover happens for 15 seconds
    When the host of a majority of etcd returns
    Then a new leader is promoted within 60 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And exactly 1 failover happens
    And at most 10 acknowledged writes are lost
    And at no time could two nodes acknowledge writes
