@patroni @etcd @extended
Feature: Synchronous replication
  A commit is acknowledged when a standby has it, and only that standby may lead.

  Scenario: the leader dies, and the synchronous standby follows it
    Given the topology "patroni-sync"
    And these settings:
      | component | key                   | value |
      | patroni   | primary_start_timeout | 0     |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "postgres" on the leader is killed
    Then a new leader is promoted within 15 seconds
    And exactly 1 failover happens
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: the host of the leader is lost, and nothing with it
    Given the topology "patroni-sync"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of the leader is lost
    Then a new leader is promoted within 40 seconds
    And no acknowledged write is lost

  Scenario: every standby is lost, and writes go on
    Patroni gives the standby up, and the leader goes on alone: what it
    acknowledges from then on is on no other node.
    Given the topology "patroni-sync"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of every replica is lost
    And 10 seconds pass
    Then the recovery time is at most 30 seconds
    And no failover happens for 2 seconds

  Scenario: every standby is lost, and strict replication writes nothing
    Given the topology "patroni-sync-strict"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of every replica is lost
    And 15 seconds pass
    Then writes are interrupted for at least 12 seconds
    When the host of every replica returns
    Then the recovery time is at most 90 seconds
    And no acknowledged write is lost
