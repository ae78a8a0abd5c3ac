@mysql @orchestrator
Feature: The MySQL primary is lost
  Orchestrator promotes a replica, the name follows, and at most the last few
  milliseconds of what was acknowledged are gone: replication is asynchronous.
  A fault that does not take the primary away must not move it.

  Background:
    Given the topology "mysql-3"
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds

  @smoke
  Scenario: mysqld is killed
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 10 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And Orchestrator reports "DeadMaster"
    And exactly 1 failover happens
    And the recovery time is at most 8 seconds
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes
    And the hook "orchestrator-post-failover" ran once
    And 1 replica replicates from the primary within 10 seconds

  @extended
  Scenario: mysqld is stopped cleanly
    A clean stop is slower than a crash: the dump threads live on for some
    seconds, so the replicas look healthy while clients are refused.
    When "mysqld" on the primary is stopped
    Then a new primary is promoted within 25 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 25 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  @machines
  Scenario: the host of the primary is lost
    When the host of the primary is lost
    Then a new primary is promoted within 30 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 30 seconds
    And at most 10 acknowledged writes are lost
    And 1 replica replicates from the primary within 20 seconds
    When the host of the old primary returns
    Then the promoted node is not node "m1"
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: mysqld hangs, and wakes up after the failover
    The old primary wakes up as it was: writable, and nobody turns it off.
    Orchestrator tries once, and gives up after the read time-out that makes
    its failover fast. This set-up is known to be bad: it takes a fence.
    When "mysqld" on the primary is frozen
    Then a new primary is promoted within 30 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 30 seconds
    And at most 5 acknowledged writes are lost
    When 5 seconds pass
    And "mysqld" on the old primary is resumed
    And 5 seconds pass
    Then at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"

  @extended
  Scenario: only Orchestrator cannot reach the primary
    When the primary is partitioned from every Orchestrator
    Then no failover happens for 15 seconds
    And Orchestrator reports "UnreachableMaster"
    And writes are interrupted for at most 1 second
    And no acknowledged write is lost
