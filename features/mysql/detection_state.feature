@mysql @orchestrator
Feature: The primary lives, and takes no writes
  It answers every look, so nobody is promoted: what matters is whether
  Orchestrator sees the state at all, and whether it may mend it.

  @extended
  Scenario: the primary is set read-only by hand, and stays so
    For Orchestrator that is a remark on the structure and no failure: no hook
    runs, nothing is recovered, and the outage lasts until somebody sees it.
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When the primary is set read-only by hand
    Then Orchestrator reports "NoWriteableMasterStructureWarning"
    And no failover happens for 8 seconds
    And writes are interrupted for at least 8 seconds
    And the hook "OnFailureDetection" did not run
    When the primary is set writable by hand
    Then exactly 0 failovers happen
    And every replica replicates from node "m1" within 5 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the primary is set read-only by hand, and Orchestrator may mend it
    Given the topology "mysql-3"
    And these settings:
      | component    | key                       | value |
      | orchestrator | RecoverNonWriteableMaster | true  |
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When the primary is set read-only by hand
    Then Orchestrator reports "NoWriteableMasterStructureWarning"
    And writes are interrupted for at least 500 milliseconds
    And no failover happens for 6 seconds
    And writes are interrupted for at most 8 seconds
    And every replica replicates from node "m1" within 5 seconds
    And no acknowledged write is lost

  @extended
  Scenario: no replica acknowledges, and clients go on trying
    Every write that hangs is in the primary's binary log already: it moves on,
    and Orchestrator, which waits for it to stand still, never gets from the
    hypothesis to the finding.
    Given the topology "mysql-semisync"
    And the application writes 5 rows per second through "db.shop.test"
    And the steady state holds
    When no replica acknowledges semi-synchronous replication
    Then Orchestrator reports "LockedSemiSyncMasterHypothesis"
    And no failover happens for 16 seconds
    And writes are interrupted for at least 16 seconds
    And Orchestrator does not report "LockedSemiSyncMaster"
    When the replicas acknowledge again
    Then no acknowledged write is lost

  @extended
  Scenario: no replica acknowledges, and nobody tries to write any more
    Given the topology "mysql-semisync"
    And the application writes 5 rows per second through "db.shop.test"
    And the steady state holds
    When the application is partitioned from the primary
    And no replica acknowledges semi-synchronous replication
    Then Orchestrator reports "LockedSemiSyncMasterHypothesis"
    And Orchestrator reports "LockedSemiSyncMaster"
    And no failover happens for 5 seconds
    And every replica replicates from node "m1" within 2 seconds
    And the hook "PreFailover" did not run
    When all faults are healed
    Then no acknowledged write is lost

  @extended
  Scenario: no replica acknowledges, clients take every connection, and Orchestrator may mend it
    Writes that hang keep their connections until there is none left. Only then
    does the binary log stand still, and Orchestrator has a replica acknowledge
    again by restarting its receiver, which finds no free connection either. It
    calls that a success, takes the next replica, and the primary stays locked.
    Given the topology "mysql-semisync"
    And these settings:
      | component    | key                         | value |
      | orchestrator | RecoverLockedSemiSyncMaster | true  |
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When no replica acknowledges semi-synchronous replication
    Then Orchestrator reports "LockedSemiSyncMaster"
    And no failover happens for 8 seconds
    And writes are interrupted for at most 25 seconds
    And no acknowledged write is lost
    But the drill fails because "writes are interrupted for at most"

  @extended
  Scenario: one replica too many acknowledges after a restart
    Orchestrator keeps exactly one, the one of the higher priority. The other
    comes back as its own configuration says, and is turned off again.
    Given the topology "mysql-semisync"
    And these settings:
      | component    | key                          | value                                                                  |
      | orchestrator | EnforceExactSemiSyncReplicas | true                                                                   |
      | orchestrator | DetectSemiSyncEnforcedQuery  | select case @@report_host when 'm2' then 1 when 'm3' then 2 else 1 end |
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on node "m2" is killed
    And 12 seconds pass
    And "mysqld" on node "m2" is started
    Then Orchestrator reports "MasterWithTooManySemiSyncReplicas"
    And no failover happens for 5 seconds
    And no acknowledged write is lost
