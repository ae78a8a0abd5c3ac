@mysql @orchestrator
Feature: Two co-primaries, of which one takes the writes

  Background:
    Given the topology "mysql-comaster"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds

  @extended
  Scenario: only Orchestrator cannot reach the writable co-primary
    When the primary is partitioned from every Orchestrator
    Then Orchestrator reports "UnreachableCoMaster"
    And no failover happens for 10 seconds
    And nodes "m2, m3" replicate from node "m1" within 2 seconds
    And the hook "PreFailover" did not run
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost

  @extended
  Scenario: nothing replicates from the writable co-primary any more
    When replication on nodes "m2, m3" is stopped
    Then Orchestrator reports "AllCoMasterReplicasNotReplicating"
    And no failover happens for 8 seconds
    And the hook "PreFailover" did not run
    And writes are interrupted for at most 4 seconds
    When replication on nodes "m2, m3" is started
    Then nodes "m2, m3" replicate from node "m1" within 10 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the writable co-primary and its replica die together
    When at once:
      | "mysqld" on the primary is killed |
      | "mysqld" on node "m3" is killed   |
    Then node "m2" is promoted within 20 seconds
    And Orchestrator reports "DeadCoMasterAndSomeReplicas"
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 20 seconds
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: the read-only co-primary dies
    Nobody writes to it, and yet Orchestrator recovers it: it promotes the one
    that takes the writes anyway, runs the hooks of a failover, and begins the
    period in which a true one would be blocked.
    When "mysqld" on node "m2" is killed
    Then Orchestrator reports "DeadCoMaster"
    And the hook "PostMasterFailover" ran once
    And no failover happens for 8 seconds
    And node "m3" replicates from node "m1" within 5 seconds
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost
