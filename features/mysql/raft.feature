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
  Scenario: the majority of the Orchestrators is lost, then the primary
    The one that is left cannot know whether it is the only one, and rightly
    recovers nothing. One more makes a majority again, and the failover comes.
    Given the topology "mysql-raft"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "orchestrator" on node "o2" is killed
    And "orchestrator" on node "o3" is killed
    And "mysqld" on the primary is killed
    Then no failover happens for 12 seconds
    When "orchestrator" on node "o2" is started
    Then a new primary is promoted within 60 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
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

  @extended
  Scenario: the raft leader is killed after it has begun a recovery and before it promotes
    A recovery is not handed over: the next leader must begin its own, and holds
    it back for the block period, as if the half recovery had been a whole one.
    Given the topology "mysql-raft"
    And these settings:
      | component    | key                  | value       |
      | orchestrator | PreFailoverProcesses | ["sleep 5"] |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    And a recovery has begun
    And "orchestrator" on the Orchestrator leader is killed
    Then a new primary is promoted within 60 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  @extended
  Scenario: the raft leader is killed in the middle of a recovery where failovers are blocked for an hour
    With Orchestrator's own block period the half recovery is an hour of outage,
    unless somebody acknowledges it.
    Given the topology "mysql-raft"
    And these settings:
      | component    | key                        | value       |
      | orchestrator | PreFailoverProcesses       | ["sleep 5"] |
      | orchestrator | RecoveryPeriodBlockSeconds | 3600        |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    And a recovery has begun
    And "orchestrator" on the Orchestrator leader is killed
    Then the failover is blocked as flapping
    And no failover happens for 10 seconds
    When the operator acknowledges the recovery
    Then a new primary is promoted within 30 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  @extended
  Scenario: the raft leader is killed while it runs the hook after a promotion
    The database has failed over, but nobody goes on with the hook: the name
    stays with the dead primary.
    Given the topology "mysql-raft"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the hook "orchestrator-post-failover" hangs for 20 seconds
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    When "orchestrator" on the Orchestrator leader is killed
    Then "db.shop.test" resolves to the promoted node within 15 seconds in every datacenter
    And exactly 1 failover happens
    But the drill fails because "resolves to the promoted node"
