@mysql @orchestrator
Feature: Orchestrators are lost, and the primary with them
  What a majority can do and a minority must not. Without any Orchestrator the
  database goes on as it is, and nothing is recovered until one is back.

  @extended
  Scenario: the only Orchestrator is down while the primary dies
    Once it is back, it fails over as if the primary had died only then.
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "orchestrator" on every Orchestrator is killed
    And "mysqld" on the primary is killed
    Then no failover happens for 8 seconds
    When "orchestrator" on every Orchestrator is started
    Then a new primary is promoted within 45 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And Orchestrator reports "DeadMaster"
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  @extended
  Scenario: the only Orchestrator hangs while the primary dies
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "orchestrator" on every Orchestrator is frozen
    And "mysqld" on the primary is killed
    Then no failover happens for 8 seconds
    When "orchestrator" on every Orchestrator is resumed
    Then a new primary is promoted within 40 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  @extended
  Scenario: a minority of the Orchestrators is lost, then the primary
    Given the topology "mysql-raft"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "orchestrator" on node "o3" is killed
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 30 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And 2 replicas replicate from the primary within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  @extended
  Scenario: the raft leader hangs, then the primary dies, then the leader wakes up
    Given the topology "mysql-raft"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "orchestrator" on the Orchestrator leader is frozen
    And 10 seconds pass
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 30 seconds
    When all faults are healed
    And 8 seconds pass
    Then exactly 1 failover happens
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: the raft leader is cut off, then the primary dies
    Given the topology "mysql-raft"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the Orchestrator leader is partitioned from every other node
    And 10 seconds pass
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 30 seconds
    When the partition is healed
    And 8 seconds pass
    Then exactly 1 failover happens
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes
