@mysql @orchestrator @extended
Feature: What an operator can do beside Orchestrator's automation
  Blocks, acknowledgements, downtime and failovers by hand.

  Background:
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"

  Scenario: a second failure within the block period waits for the operator
    Given these settings:
      | component    | key                        | value |
      | orchestrator | RecoveryPeriodBlockSeconds | 3600  |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 10 seconds
    When 3 seconds pass
    And "mysqld" on the primary is killed
    Then the failover is blocked as flapping
    And no failover happens for 5 seconds
    When the operator acknowledges the recovery
    Then a new primary is promoted within 10 seconds
    And exactly 2 failovers happen

  Scenario: automation leaves a primary in downtime alone, an operator need not
    Given the steady state holds
    When the operator begins downtime of the primary
    And "mysqld" on the primary is killed
    Then Orchestrator reports "DeadMaster"
    And no failover happens for 8 seconds
    When the operator forces a failover
    Then a new primary is promoted within 10 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens

  Scenario: a candidate that must not be promoted is passed over
    Given node "m2" has the promotion rule "must_not"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m3" is promoted within 10 seconds
    And exactly 1 failover happens

  Scenario: a failover is forced although nothing is wrong
    Orchestrator takes the primary for dead and only afterwards asks it to be
    read-only: what it acknowledges in between is lost, which a switchover
    would not do. How much depends on how long that takes: 8 writes on a quiet
    host, 140 on one that was very busy.
    Given node "m3" replicates from node "m2"
    And the steady state holds
    When the operator forces a failover
    Then a new primary is promoted within 10 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And at most 500 acknowledged writes are lost
