@mysql @orchestrator @extended
Feature: Orchestrator's API behind HAProxy
  Only the Orchestrator that leads may be asked to do something. Its
  /api/leader-check answers 200 on the leader and 404 elsewhere, so a proxy that
  checks it finds the leader.

  Background:
    Given the topology "mysql-raft-haproxy"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds

  Scenario: the leader is killed, and the proxy finds the next one
    Then the proxy leads to the Orchestrator leader within 5 seconds
    When "orchestrator" on the Orchestrator leader is killed
    Then the proxy leads to the Orchestrator leader within 25 seconds
    And no failover happens for 2 seconds
    And writes are interrupted for at most 1 second

  Scenario: the leader hangs, and the proxy gives it up
    A frozen leader accepts connections and answers none: it takes the check's
    time-out, twice.
    When "orchestrator" on the Orchestrator leader is frozen
    Then the proxy leads to the Orchestrator leader within 30 seconds
    And no failover happens for 2 seconds
    And writes are interrupted for at most 1 second
