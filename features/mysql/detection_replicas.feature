@mysql @orchestrator
Feature: Replicas and intermediate primaries are lost, and the primary is not
  The primary must not move. What an intermediate primary fed is fed by another
  server where Orchestrator recovers it, and stays where it is where it does not.

  @extended
  Scenario: the only replica of the primary stops, and the ones behind it stay
    Given the topology "mysql-3"
    And node "m3" replicates from node "m2"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When replication on node "m2" is stopped
    Then Orchestrator reports "MasterSingleReplicaNotReplicating"
    And no failover happens for 8 seconds
    And node "m3" replicates from node "m2" within 2 seconds
    And the hook "PostIntermediateMasterFailover" did not run
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the only replica of the primary dies, and the one behind it moves up
    Given the topology "mysql-3"
    And node "m3" replicates from node "m2"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on node "m2" is killed
    Then Orchestrator reports "DeadIntermediateMasterWithSingleReplicaFailingToConnect"
    And node "m3" replicates from node "m1" within 15 seconds
    And the hook "PostIntermediateMasterFailover" ran once
    And no failover happens for 3 seconds
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the only replica of the primary dies where intermediate primaries are not recovered, then the primary
    The server behind it has everything, but Orchestrator promotes none but
    direct replicas of the primary: with the only one gone there is no failover.
    Given the topology "mysql-3"
    And node "m3" replicates from node "m2"
    And these settings:
      | component    | key                                     | value         |
      | orchestrator | RecoverIntermediateMasterClusterFilters | ["elsewhere"] |
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on node "m2" is killed
    Then Orchestrator reports "MasterSingleReplicaDead"
    And no failover happens for 5 seconds
    And the hook "PostIntermediateMasterFailover" did not run
    When "mysqld" on the primary is killed
    Then Orchestrator reports "DeadMasterAndReplicas"
    And no failover happens for 8 seconds
    And the hook "PreFailover" did not run

  @extended
  Scenario: the primary dies, and a replica of its only replica stays where it is
    Given the topology "mysql-3"
    And node "m3" replicates from node "m2"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m2" is promoted within 15 seconds
    And Orchestrator reports "DeadMaster"
    And "db.shop.test" resolves to the primary within 5 seconds
    And node "m3" replicates from node "m2" within 5 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  @extended
  Scenario: an intermediate primary and all its replicas die
    Nothing of that branch is left to be moved.
    Given the topology "mysql-chain"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When at once:
      | "mysqld" on node "m2" is killed       |
      | "mysqld" on nodes "m3, m4" is killed  |
    Then Orchestrator reports "DeadIntermediateMasterAndReplicas"
    And no failover happens for 8 seconds
    And the hook "PostIntermediateMasterFailover" did not run
    And node "m5" replicates from node "m1" within 2 seconds
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost

  @extended
  Scenario: an intermediate primary and one of its replicas die
    The other replica is moved and is well within a second; but the dead one
    cannot be moved, so Orchestrator calls the whole a failure, and the hook of
    failures runs and not the hook of successes.
    Given the topology "mysql-chain"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When at once:
      | "mysqld" on node "m2" is killed |
      | "mysqld" on node "m3" is killed |
    Then Orchestrator reports "DeadIntermediateMasterAndSomeReplicas"
    And node "m4" replicates from node "m5" within 15 seconds
    And the hook "PostUnsuccessfulFailover" ran once
    And the hook "PostIntermediateMasterFailover" did not run
    And no failover happens for 3 seconds
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost

  @extended
  Scenario: no replica reaches its intermediate primary, which lives
    Orchestrator reaches all of them, and takes the replicas away from a server
    that they cannot use.
    Given the topology "mysql-chain"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When nodes "m3, m4" cannot reach node "m2" on port 3306 and is refused
    Then Orchestrator reports "AllIntermediateMasterReplicasFailingToConnectOrDead"
    And nodes "m3, m4" replicate within 20 seconds
    And the hook "PostIntermediateMasterFailover" ran once
    And no failover happens for 3 seconds
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost

  @extended
  Scenario: replication is stopped on every replica of an intermediate primary
    Given the topology "mysql-chain"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When replication on nodes "m3, m4" is stopped
    Then Orchestrator reports "AllIntermediateMasterReplicasNotReplicating"
    And no failover happens for 8 seconds
    And the hook "PreFailover" did not run
    When replication on nodes "m3, m4" is started
    Then nodes "m3, m4" replicate from node "m2" within 10 seconds
    And no acknowledged write is lost

  @extended
  Scenario: only Orchestrator cannot reach an intermediate primary
    Given the topology "mysql-chain"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When node "m2" is partitioned from every Orchestrator
    Then Orchestrator reports "UnreachableIntermediateMaster"
    And no failover happens for 10 seconds
    And nodes "m3, m4" replicate from node "m2" within 2 seconds
    And the hook "PreFailover" did not run
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost
