@mysql @orchestrator
Feature: When Orchestrator may recover, and who may overrule it

  Background:
    Given the topology "mysql-3"

  @extended
  Scenario: a cluster that the filters leave out is left alone
    Given these settings:
      | orchestrator | RecoverMasterClusterFilters | ["elsewhere"] |
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then Orchestrator reports "DeadMaster"
    And no failover happens for 12 seconds
    When the operator forces a failover
    Then a new primary is promoted within 30 seconds

  @extended
  Scenario: a planned switchover
    Given the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When the operator requests a switchover to node "m2"
    Then node "m2" is promoted within 15 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And writes are interrupted for at most 6 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: a planned switchover, and back
    Given the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When the operator requests a switchover to node "m2"
    Then node "m2" is promoted within 15 seconds
    When 5 seconds pass
    And the operator requests a switchover to node "m1"
    Then the promoted node is the old primary
    And exactly 2 failovers happen
    And no acknowledged write is lost
