@patroni @etcd
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

  @extended
  Scenario: the host of the leader is lost, and nothing with it
    Given the topology "patroni-sync"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of the leader is lost
    Then a new leader is promoted within 40 seconds
    And no acknowledged write is lost

  @extended
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

  @extended
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

  Scenario: the synchronous standby is stopped, and another takes its place
    Its key in etcd goes with it, so the leader need not wait for a time-out.
    Given the topology "patroni-sync"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "patroni" on the synchronous standby is stopped
    Then Patroni reports "synchronous standby"
    And the query "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'" on the leader gives "1" within 15 seconds
    And the synchronous standby answers 200 to "/sync" within 10 seconds
    And writes are interrupted for at most 10 seconds
    And no failover happens for 3 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the host of the synchronous standby is lost, and writes wait for its key to expire
    Every commit waits for a node that does not answer. Patroni chooses another
    standby when the lost one's key is gone, after ttl.
    Given the topology "patroni-sync"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of the synchronous standby is lost
    And 23 seconds pass
    Then writes are interrupted for at least 12 seconds
    And the recovery time is at most 45 seconds
    And no failover happens for 2 seconds
    And no acknowledged write is lost

  @extended
  Scenario: two synchronous standbys, of which one is lost
    With synchronous_node_count 2 every commit waits for both, and Patroni takes
    the lost one off the list.
    Given the topology "patroni-sync"
    And these settings:
      | component | key                    | value |
      | patroni   | synchronous_node_count | 2     |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    Then the query "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'" on the leader gives "2" within 15 seconds
    And every replica answers 200 to "/sync" within 10 seconds
    When "patroni" on node "p3" is stopped
    Then the query "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'" on the leader gives "1" within 15 seconds
    And writes are interrupted for at most 12 seconds
    And no acknowledged write is lost

  @extended
  Scenario: quorum commit, and the leader dies
    A commit waits for any one of the two standbys, and only one of those that
    have everything may lead. No single standby is waited for.
    Given the topology "patroni-3"
    And these settings:
      | component | key                   | value  |
      | patroni   | synchronous_mode      | quorum |
      | patroni   | primary_start_timeout | 0      |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    Then every replica answers 200 to "/quorum" within 15 seconds
    And every replica answers 503 to "/sync" within 5 seconds
    And the query "SELECT DISTINCT sync_state FROM pg_stat_replication" on the leader gives "quorum" within 10 seconds
    When "postgres" on the leader is killed
    Then a new leader is promoted within 15 seconds
    And exactly 1 failover happens
    And no acknowledged write is lost
    And writes are interrupted for at most 20 seconds

  @extended
  Scenario: quorum commit, and a standby's host is lost
    Any one of the two is enough: where a single synchronous standby makes
    writes wait for ttl, a quorum does not notice.
    Given the topology "patroni-3"
    And these settings:
      | component | key              | value  |
      | patroni   | synchronous_mode | quorum |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    Then every replica answers 200 to "/quorum" within 15 seconds
    When the host of node "p3" is lost
    And 5 seconds pass
    Then writes are interrupted for at most 3 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a node with the tag nosync is never waited for, and may not lead
    Given the topology "patroni-sync"
    And these settings:
      | component | key         | value |
      | p3        | tags.nosync | true  |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    Then node "p2" answers 200 to "/sync" within 10 seconds
    And node "p3" answers 503 to "/sync" within 5 seconds
    And node "p3" answers 200 to "/async" within 5 seconds
    And the operator requests a switchover to node "p3", which fails
    When the operator requests a switchover
    Then node "p2" is promoted within 15 seconds
    And no acknowledged write is lost
