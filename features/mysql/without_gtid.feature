@mysql @orchestrator @extended
Feature: MySQL without GTIDs
  Replicas know how many bytes of their source's binary log they have read,
  which means nothing to another server. What is where at the end is told by
  how far each is in its source's log, and by the application's rows.

  Background:
    Given the topology "mysql-3"
    And these settings:
      | component | key       | value |
      | mysql     | gtid_mode | OFF   |
    And the application writes 50 rows per second through "db.shop.test"

  Scenario: a replica is promoted, and the others stay behind
    Orchestrator warns of it (NoFailoverSupportStructureWarning) and fails over
    all the same. Whom it promotes is as it comes, and nobody else can be moved
    under it: the others go on asking for the dead primary.
    Given the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And Orchestrator reports "DeadMaster"
    And "db.shop.test" resolves to the primary within 5 seconds
    And Orchestrator counts the recovery as a success
    And exactly 1 failover happens
    And 1 replica replicates from the primary within 10 seconds
    But the drill fails because "1 replica replicates from the primary"

  Scenario: Pseudo-GTID lets the replicas be compared and moved
    Orchestrator writes a mark into the primary's binary log every few seconds
    and searches the replicas' logs for it. It takes some seconds until it knows
    of the first.
    Given these settings:
      | component    | key            | value |
      | orchestrator | AutoPseudoGTID | true  |
    And the steady state holds
    When 10 seconds pass
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And 1 replica replicates from the primary within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: a planned switchover without GTIDs is refused
    The other replicas could not be moved under the new primary. Orchestrator
    says so before it touches anything.
    Given the steady state holds
    When the operator requests a switchover to node "m2", which fails
    Then no failover happens for 3 seconds
    And 2 replicas replicate from the primary within 5 seconds
    And writes are interrupted for at most 2 seconds
    And no acknowledged write is lost
