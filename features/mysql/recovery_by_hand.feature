@mysql @orchestrator
Feature: Recoveries that an operator holds back, begins, and undoes

  Background:
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"

  @extended
  Scenario: global recoveries are off, and nothing fails over until they are on again
    Given the steady state holds
    When the operator disables global recoveries
    And "mysqld" on the primary is killed
    Then Orchestrator reports "DeadMaster"
    And no failover happens for 8 seconds
    When the operator enables global recoveries
    Then a new primary is promoted within 30 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens

  @extended
  Scenario: global recoveries that were switched off stay off when Orchestrator restarts
    What was switched off for a maintenance and forgotten is not mended by a
    restart, and no page of problems shows it.
    Given the steady state holds
    When the operator disables global recoveries
    And "orchestrator" on every Orchestrator is killed
    And 1 second passes
    And "orchestrator" on every Orchestrator is started
    And the Orchestrator leader is in datacenter "dc1" within 20 seconds
    And 5 seconds pass
    And "mysqld" on the primary is killed
    Then Orchestrator reports "DeadMaster"
    And no failover happens for 8 seconds
    When the operator enables global recoveries
    Then a new primary is promoted within 40 seconds
    And exactly 1 failover happens

  @extended
  Scenario: an operator recovers a cluster that automation leaves alone
    Given these settings:
      | component    | key                         | value         |
      | orchestrator | RecoverMasterClusterFilters | ["elsewhere"] |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then Orchestrator reports "DeadMaster"
    And no failover happens for 6 seconds
    When the operator recovers the old primary
    Then a new primary is promoted within 25 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And 1 replica replicates from the primary within 10 seconds
    And exactly 1 failover happens
    And the hook "PreFailover" ran once

  @extended
  Scenario: downtime that ends gives a dead primary back to automation
    Given the steady state holds
    When the operator begins downtime of the primary
    And "mysqld" on the primary is killed
    Then Orchestrator reports "DeadMaster"
    And no failover happens for 6 seconds
    When the operator ends downtime of the old primary
    Then a new primary is promoted within 25 seconds
    And exactly 1 failover happens

  @extended
  Scenario: a recovery that was acknowledged does not hold the next one up
    Given these settings:
      | component    | key                        | value |
      | orchestrator | RecoveryPeriodBlockSeconds | 3600  |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    When the operator acknowledges the recovery
    And 3 seconds pass
    And "mysqld" on the primary is killed
    And 10 seconds pass
    Then exactly 2 failovers happen
    And at most 10 acknowledged writes are lost

  @extended
  Scenario: a second failure is recovered by itself when the block period is over
    Given these settings:
      | component    | key                        | value |
      | orchestrator | RecoveryPeriodBlockSeconds | 20    |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    When 3 seconds pass
    And "mysqld" on the primary is killed
    Then the failover is blocked as flapping
    When 25 seconds pass
    Then exactly 2 failovers happen

  @extended
  Scenario: a planned switchover to a replica of Orchestrator's choice
    Writes are refused from the moment the old primary is read-only until the
    name leads to the new one: that is the price of losing nothing.
    Given the steady state holds
    When the operator requests a switchover
    Then a new primary is promoted within 15 seconds
    And the promoted node is one of "m2, m3"
    And "db.shop.test" resolves to the primary within 5 seconds
    And 2 replicas replicate from the primary within 15 seconds
    And exactly 1 failover happens
    And writes are interrupted for at most 10 seconds
    And no acknowledged write is lost
    And no node has errant transactions
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: a switchover to a replica of a replica is refused, and harms nothing
    Given node "m3" replicates from node "m2"
    And the steady state holds
    When the operator requests a switchover to node "m3", which fails
    Then no failover happens for 5 seconds
    And node "m3" replicates from node "m2" within 2 seconds
    And node "m2" replicates from node "m1" within 2 seconds
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a switchover to the only replica leaves the one behind it where it is
    Given node "m3" replicates from node "m2"
    And the steady state holds
    When the operator requests a switchover
    Then node "m2" is promoted within 20 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And nodes "m1, m3" replicate from node "m2" within 15 seconds
    And exactly 1 failover happens
    And writes are interrupted for at most 10 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: after a failover the old primary is brought back, and gets the role back
    Orchestrator neither brings a failed primary back nor forgives it: it stays
    in downtime for a year, in which automation would leave it alone.
    Given the steady state holds
    When "mysqld" on the primary is stopped
    Then a new primary is promoted within 25 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    When "mysqld" on the old primary is started
    Then a login to the old primary succeeds within 20 seconds
    When the operator has the old primary replicate from the primary
    Then the old primary replicates from the primary within 15 seconds
    When the operator ends downtime of the old primary
    And 3 seconds pass
    And the operator requests a switchover to the old primary
    Then the promoted node is the old primary
    And nodes "m2, m3" replicate from node "m1" within 15 seconds
    And exactly 2 failovers happen
    And no acknowledged write is lost
    And no node has errant transactions
    And at no time could two nodes acknowledge writes
