@patroni @etcd
Feature: Who is promoted
  The replica that has most of the leader's log; among equals the one with the
  highest priority; never one that may not lead or lags too far. Where that
  leaves nobody, there is no leader until the old one is back or a person
  decides.

  @extended
  Scenario: a node that may not lead is passed over
    Given the topology "patroni-3"
    And these settings:
      | component | key             | value |
      | p2        | tags.nofailover | true  |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of the leader is lost
    Then a new leader is promoted within 40 seconds
    And the promoted node is one of "p3"
    And exactly 1 failover happens
    And the recovery time is at most 45 seconds
    And at most 10 acknowledged writes are lost
    When the host of the old leader returns
    Then the old leader rejoins as a replica within 90 seconds

  @extended
  Scenario: nobody may lead, and the cluster waits for its old leader
    Given the topology "patroni-3"
    And these settings:
      | component | key             | value |
      | p2        | tags.nofailover | true  |
      | p3        | tags.nofailover | true  |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of the leader is lost
    Then no failover happens for 40 seconds
    And writes are interrupted for at least 40 seconds
    When the host of the old leader returns
    Then 2 replicas replicate from the leader within 60 seconds
    And exactly 0 failovers happen
    And the recovery time is at most 90 seconds
    And no acknowledged write is lost

  Scenario: the datacenter that the business wants is promoted
    A clean stop leaves every replica with the whole log, and among equals
    priority decides.
    Given the topology "patroni-3"
    And these settings:
      | component | key                    | value |
      | p2        | tags.failover_priority | 1     |
      | p3        | tags.failover_priority | 2     |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "patroni" on the leader is stopped
    Then a new leader is promoted within 20 seconds
    And the promoted node is in datacenter "dc3"
    And exactly 1 failover happens
    And writes are interrupted for at most 20 seconds
    And no acknowledged write is lost
    When "patroni" on the old leader is started
    Then the old leader rejoins as a replica within 90 seconds

  @extended
  Scenario: the same with the priorities exchanged
    Given the topology "patroni-3"
    And these settings:
      | component | key                    | value |
      | p2        | tags.failover_priority | 2     |
      | p3        | tags.failover_priority | 1     |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "patroni" on the leader is stopped
    Then a new leader is promoted within 20 seconds
    And the promoted node is in datacenter "dc2"
    And exactly 1 failover happens
    And no acknowledged write is lost
    When "patroni" on the old leader is started
    Then the old leader rejoins as a replica within 90 seconds

  @extended
  Scenario: a replica that lags is passed over, whatever its priority
    Given the topology "patroni-3"
    And these settings:
      | component | key                    | value |
      | p2        | tags.failover_priority | 100   |
      | p3        | tags.failover_priority | 1     |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When node "p2" is partitioned from the leader on port 5432
    And 10 seconds pass
    And the host of the leader is lost
    Then a new leader is promoted within 60 seconds
    And the promoted node is one of "p3"
    And exactly 1 failover happens
    And at most 10 acknowledged writes are lost
    When the host of the old leader returns
    Then the old leader rejoins as a replica within 90 seconds
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: every replica lags too far, and a person decides
    Nobody is promoted, however long it takes. The operator who forces a
    failover accepts what the replicas do not have: here the seconds of the
    partition.
    Given the topology "patroni-3"
    And these settings:
      | component | key                     | value |
      | patroni   | maximum_lag_on_failover | 4096  |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When every replica is partitioned from the leader on port 5432
    And 15 seconds pass
    And the host of the leader is lost
    Then no failover happens for 40 seconds
    And node "p2" answers 503 to "/primary" within 2 seconds
    And writes are interrupted for at least 40 seconds
    When the operator forces a failover to node "p2"
    Then a new leader is promoted within 2 minutes
    And exactly 1 failover happens
    And acknowledged writes are lost
    When the partition is healed
    And the host of the old leader returns
    Then the old leader rejoins as a replica within 90 seconds
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: every replica lags, and the limit is wide
    The twin of the drill before it at Patroni's own limit of a megabyte: the
    failover happens by itself, and loses the same writes without a word.
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When every replica is partitioned from the leader on port 5432
    And 15 seconds pass
    And the host of the leader is lost
    Then a new leader is promoted within 75 seconds
    And exactly 1 failover happens
    And at most 10 acknowledged writes are lost
    But the drill fails because "at most 10 acknowledged writes are lost"
    When the partition is healed
    And the host of the old leader returns
    Then the old leader rejoins as a replica within 90 seconds

  @extended
  Scenario: the synchronous standby is promoted, whatever the priority of the other
    Given the topology "patroni-sync"
    And these settings:
      | component | key                    | value |
      | p2        | tags.nosync            | true  |
      | p2        | tags.failover_priority | 100   |
      | p3        | tags.failover_priority | 1     |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of the leader is lost
    Then a new leader is promoted within 40 seconds
    And the promoted node is one of "p3"
    And exactly 1 failover happens
    And the recovery time is at most 45 seconds
    And no acknowledged write is lost
    When the host of the old leader returns
    Then the old leader rejoins as a replica within 90 seconds

  @extended
  Scenario: the synchronous standby may not lead, and nobody is promoted
    The one that has everything may not, and the one that may has no promise:
    the cluster waits for its old leader.
    Given the topology "patroni-sync"
    And these settings:
      | component | key             | value |
      | p2        | tags.nosync     | true  |
      | p3        | tags.nofailover | true  |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of the leader is lost
    Then no failover happens for 40 seconds
    When the host of the old leader returns
    Then the recovery time is at most 90 seconds
    And exactly 0 failovers happen
    And no acknowledged write is lost
