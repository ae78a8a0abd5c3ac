@patroni @etcd
Feature: The PostgreSQL leader is lost
  Patroni promotes a replica when the leader's key expires or is released, the
  name and the proxy follow, and at most the last few milliseconds of what was
  acknowledged are gone: replication is asynchronous. A fault that leaves the
  leader its key must not move it.

  A connection costs PostgreSQL a process: 20 writes a second from each
  datacenter, each on a connection of its own, is what a new leader with cold
  caches can take on two busy cores. At 50 its queue once grew faster than it
  answered, and the drill measured the storm.

  Background:
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"

  @smoke
  Scenario: postgres is killed, and the leader does not wait for its restart
    Its backends outlive the postmaster by some milliseconds and go on
    acknowledging. Replication is asynchronous: what they acknowledge then may
    reach nobody, and the node that had it is rewound.
    Given these settings:
      | component | key                   | value |
      | patroni   | primary_start_timeout | 0     |
    And the steady state holds
    When "postgres" on the leader is killed
    Then a new leader is promoted within 15 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 15 seconds
    And at most 10 acknowledged writes are lost
    And at no time could two nodes acknowledge writes
    And the old leader rejoins as a replica within 60 seconds

  Scenario: postgres is killed, and restarts in place
    Given the steady state holds
    When "postgres" on the leader is killed
    Then no failover happens for 15 seconds
    And the recovery time is at most 10 seconds
    And no acknowledged write is lost

  Scenario: patroni is stopped cleanly
    Given the steady state holds
    When "patroni" on the leader is stopped
    Then a new leader is promoted within 20 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 20 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  @extended @machines
  Scenario: the host of the leader is lost
    Given the steady state holds
    When the host of the leader is lost
    Then a new leader is promoted within 40 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And the proxy sends writes to the leader within 30 seconds
    And exactly 1 failover happens
    And the recovery time is at most 45 seconds
    And at most 10 acknowledged writes are lost
    When the host of the old leader returns
    Then at no time could two nodes acknowledge writes

  @extended
  Scenario: postgres hangs, and wakes up after the failover
    Given the steady state holds
    When "postgres" on the leader is frozen
    Then a new leader is promoted within 45 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 50 seconds
    When "postgres" on the old leader is resumed
    Then the old leader stops accepting writes within 60 seconds
    And at most 10 acknowledged writes are lost

  @extended
  Scenario: one etcd member is lost
    Given the steady state holds
    When the host of a minority of etcd is lost
    Then no failover happens for 25 seconds
    And writes are interrupted for at most 1 second
    And no acknowledged write is lost
