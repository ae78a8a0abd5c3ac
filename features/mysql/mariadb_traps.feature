@mysql @orchestrator @extended
Feature: What Orchestrator calls a success on MariaDB, and a business does not

  Background:
    Given the topology "mariadb-3"
    And the application writes 50 rows per second through "db.shop.test"

  Scenario: an errant transaction on a MariaDB replica goes unnoticed
    Orchestrator compares GTID sets, which MariaDB does not have: it reports no
    errant transaction, ever. What each server wrote last is in its
    gtid_binlog_state, by which the drill tells.
    Given the steady state holds
    When an errant transaction is written on node "m2"
    And 4 seconds pass
    Then node "m2" replicates within 5 seconds
    And no failover happens for 1 second
    And no node has errant transactions
    But the drill fails because "no node has errant transactions"

  Scenario: gtid_strict_mode stops the replica with an errant transaction, and another is promoted
    Given these settings:
      | component | key              | value |
      | mariadb   | gtid_strict_mode | ON    |
    And the steady state holds
    When an errant transaction is written on node "m2"
    Then node "m2" stops replicating within 10 seconds
    When "mariadbd" on the primary is killed
    Then node "m3" is promoted within 20 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost
