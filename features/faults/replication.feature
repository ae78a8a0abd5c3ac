Feature: Replication stops, breaks, lags behind and loses its relay log
  Each fault is seen in what the replica says of itself, and the server's own
  error is its proof. None of them may move the primary.

  @mysql @orchestrator
  Scenario: replication is stopped, broken, torn and delayed, and repaired each time
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When replication on node "m3" is stopped
    Then node "m3" stops replicating within 5 seconds
    But node "m2" replicates within 2 seconds
    When replication on node "m3" is started
    Then node "m3" replicates within 10 seconds
    When replication on node "m2" is broken
    Then node "m2" stops replicating within 10 seconds
    When replication on node "m2" is repaired
    Then node "m2" replicates within 10 seconds
    When the relay log of node "m3" is torn
    Then node "m3" stops replicating within 10 seconds
    When replication on node "m3" is repaired
    Then node "m3" replicates within 10 seconds
    When replication on node "m3" is delayed by 6 seconds
    Then node "m3" lags by at least 4 seconds within 20 seconds
    When replication on node "m3" is no longer delayed
    Then node "m3" lags by at most 1 second within 15 seconds
    And 2 replicas replicate from the primary within 10 seconds
    And no failover happens for 3 seconds
    And writes are interrupted for at most 2 seconds
    And no acknowledged write is lost
    And no node has errant transactions

  @mysql @orchestrator @extended
  Scenario: an errant transaction is found
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When an errant transaction is written on node "m2"
    And all faults are healed
    Then no node has errant transactions
    But the drill fails because "errant transactions"

  @mysql @orchestrator @extended
  Scenario: a replica that is late by design is no steady state's trouble
    Given the topology "mysql-3"
    And replication to node "m3" is delayed by 6 seconds
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    Then node "m3" lags by at least 4 seconds within 20 seconds
    When "mysqld" on the primary is killed
    Then node "m2" is promoted within 15 seconds
    And at most 5 acknowledged writes are lost
