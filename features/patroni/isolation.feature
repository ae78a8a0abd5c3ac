@patroni @etcd @extended
Feature: A synchronous leader loses its standbys' PostgreSQL alone
  etcd and Patroni see everybody, so nobody fails over; commits wait for
  standbys that have fallen silent, until PostgreSQL gives them up. What becomes
  of a leader that is cut off with its datacenter: datacenters/patroni.feature.

  @slow
  Scenario: the replicas are cut off from a synchronous leader's PostgreSQL, and commits hang for a minute
    To the leader a standby that is silent streams on, until wal_sender_timeout:
    a minute by default. Only then may Patroni choose another, or none.
    Given the topology "patroni-sync"
    And the application writes 10 rows per second through "db.shop.test"
    And the steady state holds
    When the leader is partitioned from every replica on port 5432
    Then writes are interrupted for at least 20 seconds
    And no failover happens for 60 seconds
    And the recovery time is at most 90 seconds
    When the partition is healed
    Then no acknowledged write is lost

  Scenario: the replicas are cut off from a synchronous leader's PostgreSQL, with a short wal_sender_timeout
    Given the topology "patroni-sync"
    And these settings:
      | component  | key                | value |
      | postgresql | wal_sender_timeout | 5s    |
    And the application writes 10 rows per second through "db.shop.test"
    And the steady state holds
    When the leader is partitioned from every replica on port 5432
    Then no failover happens for 30 seconds
    And the recovery time is at most 20 seconds
    And writes are interrupted for at most 20 seconds
    When the partition is healed
    Then no acknowledged write is lost
