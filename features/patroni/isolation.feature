@patroni @etcd @extended
Feature: The datacenter of the leader is cut off, or half of it
  An isolated leader steps down when it has not reached etcd for retry_timeout,
  and before its key expires for the others: two never lead at once. What it
  acknowledges until then is nowhere else, unless a standby had to have it.

  Scenario: the leader's datacenter is isolated, and with a synchronous standby nothing is lost
    Every standby is in another datacenter. The isolated leader's commits hang.
    Given the topology "patroni-3dc"
    And synchronous replication is on
    And the application writes 10 rows per second through "proxy.shop.test"
    And the steady state holds
    When datacenter "dc1" is isolated
    Then a new leader is promoted within 45 seconds
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes
    When the isolation is healed
    Then the old leader rejoins as a replica within 120 seconds
    And no acknowledged write is lost

  Scenario: the leader's datacenter is isolated with Patroni's default times, and what it acknowledged is lost
    The application beside it writes on through the proxy beside it, until the
    leader steps down: twice as long as with the shortest times that there are,
    while the failover takes little longer.
    Given the topology "patroni-3dc"
    And these settings:
      | component | key           | value |
      | patroni   | ttl           | 30    |
      | patroni   | loop_wait     | 10    |
      | patroni   | retry_timeout | 10    |
    And the application writes 10 rows per second through "proxy.shop.test"
    And the steady state holds
    When datacenter "dc1" is isolated
    Then a new leader is promoted within 75 seconds
    And the old leader stops accepting writes within 30 seconds
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes
    And acknowledged writes are lost

  Scenario: an isolation that is shorter than retry_timeout
    Given the topology "patroni-3dc"
    And the application writes 10 rows per second through "proxy.shop.test"
    And the steady state holds
    When datacenter "dc1" is isolated
    And 2 seconds pass
    And the isolation is healed
    Then no failover happens for 25 seconds
    And 2 replicas replicate from the leader within 60 seconds
    And no acknowledged write is lost

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
