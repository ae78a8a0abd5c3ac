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
