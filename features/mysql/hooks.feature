@mysql @orchestrator
Feature: Hooks of Orchestrator
  In which order they run, what stops a failover, and what does not.

  Background:
    Given the topology "mysql-3"

  @extended
  Scenario: the hooks of a failover
    Given the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And the hooks ran in the order "OnFailureDetection, PreFailover, PostMasterFailover, PostFailover"
    And the hook "PreFailover" ran once
    And the hook "PostMasterFailover" ran once
    And the hook "PostFailover" ran once
    And the hook "PostUnsuccessfulFailover" did not run
    And the hook "PostIntermediateMasterFailover" did not run
    And the hook "PreGracefulTakeover" did not run

  @extended
  Scenario: the hooks of a switchover
    Given the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When the operator requests a switchover to node "m2"
    Then node "m2" is promoted within 15 seconds
    And the hook "PreGracefulTakeover" ran once
    And the hook "PreFailover" ran once
    And the hook "PostMasterFailover" ran once
    And the hook "PostGracefulTakeover" ran once

  @extended
  Scenario: a hook before the failover fails, and there is no failover
    With Orchestrator's defaults one flaky hook is an hour of outage.
    Given these settings:
      | orchestrator | PreFailoverProcesses | ["exit 7"] |
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then no failover happens for 8 seconds
    And writes are interrupted for at least 8 seconds
    And the hook "PostMasterFailover" did not run

  @extended
  Scenario: a hook on detection fails once, and delays the failover
    Given these settings:
      | orchestrator | OnFailureDetectionProcesses | ["exit 1"] |
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And at most 5 acknowledged writes are lost
