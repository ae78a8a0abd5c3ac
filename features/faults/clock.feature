Feature: Clocks that are wrong
  A database tells the wrong time, and nothing else goes wrong: replication and
  failover managers go by clocks that do not jump.

  @mysql @orchestrator @extended
  Scenario: the clocks of MySQL servers
    Given the topology "mysql-3"
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When the clock of the primary jumps by 5 minutes
    Then the primary tells a time at least 4 minutes ahead
    When the clock of the primary is right again
    Then the primary tells the right time
    When the clock of node "m3" jumps back by 5 minutes
    Then node "m3" tells a time at least 4 minutes behind
    When the clock of node "m3" is right again
    And the clock of node "m2" runs 50% fast
    And 10 seconds pass
    Then node "m2" tells a time at least 3 seconds ahead
    When the clock of node "m2" is right again
    Then node "m2" tells the right time
    And node "m3" tells the right time
    And no failover happens for 5 seconds
    And no acknowledged write is lost

  @patroni @etcd @extended
  Scenario: the clock of the Patroni leader
    Given the topology "patroni-3"
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When the clock of the leader jumps by 5 minutes
    Then the leader tells a time at least 4 minutes ahead
    And no failover happens for 15 seconds
    When the clock of the leader is right again
    Then the leader tells the right time
    When the clock of the leader jumps back by 5 minutes
    Then the leader tells a time at least 4 minutes behind
    And no failover happens for 15 seconds
    When the clock of the leader is right again
    Then the leader tells the right time
    And no acknowledged write is lost
