@mysql @orchestrator
Feature: Faults together, staggered, and on a schedule
  Real outages do not come alone. Each fault of a composition is one of its own:
  with its own proof, and healed on its own.

  Background:
    Given the topology "mysql-3"
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds

  @extended
  Scenario: two at once, one that comes and goes, and each healed on its own
    When at once:
      | node "m2" is partitioned from the application |
      | "mysqld" on node "m3" is frozen               |
    Then the application does not reach node "m2" on port 3306
    And a login to node "m3" fails
    When "mysqld" on node "m3" is resumed
    Then a login to node "m3" succeeds within 10 seconds
    But the application does not reach node "m2" on port 3306
    When the partition is healed
    Then the application reaches node "m2" on port 3306
    When 3 times, 2 seconds on and 1 second off: the application cannot reach node "m2" on port 3306
    Then the application does not reach node "m2" on port 3306
    And the application reaches node "m2" on port 3306
    And the application does not reach node "m2" on port 3306
    When the schedule is over
    Then the application reaches node "m2" on port 3306
    And no failover happens for 5 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the primary is killed twice, whoever it is
    The target is found anew at each round: the second kill strikes the node
    that was promoted by the first.
    When 2 times, 20 seconds on and 10 seconds off: "mysqld" on the primary is killed
    Then a new primary is promoted within 10 seconds
    When the schedule is over
    Then exactly 2 failovers happen
    And writes are interrupted for at least 1 second
