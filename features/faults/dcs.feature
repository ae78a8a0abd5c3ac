@patroni @etcd @faults
Feature: The store that Patroni trusts is broken
  Patroni's leader may only lead while etcd says so. A member more or less is
  nothing to it; without a majority it steps down, and nobody may follow.

  Background:
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds

  @extended
  Scenario: a majority of etcd is lost
    When the host of a majority of etcd is lost
    Then writes are interrupted for at least 10 seconds
    When the host of a majority of etcd returns
    Then the recovery time is at most 2 minutes
    And at no time could two nodes acknowledge writes
    And no acknowledged write is lost

  @extended
  Scenario: the etcd leader is killed
    When "etcd" on the etcd leader is killed
    Then no failover happens for 25 seconds
    And writes are interrupted for at most 1 second
    And no acknowledged write is lost

  @extended
  Scenario: a member of etcd is cut off
    When a minority of etcd is partitioned from every other node
    Then no failover happens for 25 seconds
    And writes are interrupted for at most 1 second
    And no acknowledged write is lost

  @extended
  Scenario: every member of etcd is stopped for a moment
    When "etcd" on every etcd member is frozen
    And 4 seconds pass
    And "etcd" on every etcd member is resumed
    Then no failover happens for 25 seconds
    And writes are interrupted for at most 2 seconds
    And no acknowledged write is lost

  @extended
  Scenario: etcd is slow
    When the network of every etcd member has 300 milliseconds latency
    Then a round trip from the leader to the etcd leader takes at least 250 milliseconds
    And no failover happens for 25 seconds
    And writes are interrupted for at most 1 second
    When all faults are healed
    Then a round trip from the leader to the etcd leader takes at most 150 milliseconds
    And no acknowledged write is lost
