@mysql @orchestrator @faults
Feature: Orchestrator dies in the middle of a recovery

  @extended
  Scenario: the only Orchestrator is killed between its pre-failover hook and the promotion
    What it had begun, nobody goes on with: there is no primary until it is
    back. Then it finds its own half-written recovery, which blocks the next
    one for the time of the anti-flapping rule, as a finished one would.
    Given the topology "mysql-3"
    And these settings:
      | component    | key                        | value       |
      | orchestrator | PreFailoverProcesses       | ["sleep 5"] |
      | orchestrator | RecoveryPeriodBlockSeconds | 40          |
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    And a recovery has begun
    And "orchestrator" on the Orchestrator leader is killed
    Then no failover happens for 8 seconds
    When "orchestrator" on every Orchestrator is started
    Then no failover happens for 15 seconds
    And writes are interrupted for at least 30 seconds
    And a new primary is promoted within 1 minute
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And the hook "orchestrator-post-failover" ran once
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes
