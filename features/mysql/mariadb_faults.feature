@mysql @orchestrator @extended
Feature: The faults of the database, in MariaDB's words
  The same faults as MySQL's, each seen in what the server says of itself. None
  of them may move the primary. A torn relay log is not among them: with GTIDs
  MariaDB fetches its relay logs anew.

  Background:
    Given the topology "mariadb-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds

  Scenario: replication of MariaDB is stopped, broken and delayed, and repaired each time
    When replication on node "m3" is stopped
    Then node "m3" stops replicating within 5 seconds
    But node "m2" replicates within 2 seconds
    When replication on node "m3" is started
    Then node "m3" replicates within 10 seconds
    When replication on node "m2" is broken
    Then node "m2" stops replicating within 10 seconds
    When replication on node "m2" is repaired
    Then node "m2" replicates within 10 seconds
    When replication on node "m3" is delayed by 6 seconds
    Then node "m3" lags by at least 4 seconds within 20 seconds
    When replication on node "m3" is no longer delayed
    Then node "m3" lags by at most 1 second within 15 seconds
    And 2 replicas replicate from the primary within 10 seconds
    And no failover happens for 3 seconds
    And no acknowledged write is lost
    And no node has errant transactions

  Scenario: a MariaDB primary is locked, held up by a transaction, and set read-only
    When a lock on the primary blocks writes
    Then writes are interrupted for at least 3 seconds
    And a login to the primary succeeds within 2 seconds
    When the lock on the primary is released
    And a global lock on the primary blocks writes
    And 3 seconds pass
    And the lock on the primary is released
    And a long transaction on the primary holds its locks
    And 3 seconds pass
    And the long transaction on the primary is rolled back
    And the primary is set read-only by hand
    And 3 seconds pass
    And node "m1" is set writable by hand
    Then no failover happens for 3 seconds
    And writes are interrupted for at most 20 seconds
    And no acknowledged write is lost
