Feature: The database answers, and does not do what it is asked
  Locks, transactions that nobody ends, a primary that is read-only, commits
  that wait for ever: the server is up, so no failover comes to help.

  @mysql @orchestrator @extended
  Scenario: a lock blocks writes while log-ins succeed
    Given the topology "mysql-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When a lock on the primary blocks writes
    Then writes are interrupted for at least 3 seconds
    And a login to the primary succeeds within 2 seconds
    When the lock on the primary is released
    Then no failover happens for 3 seconds
    And writes are interrupted for at most 20 seconds
    And no acknowledged write is lost

  @mysql @orchestrator @extended
  Scenario: a global lock, as a backup takes it
    Given the topology "mysql-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When a global lock on the primary blocks writes
    Then writes are interrupted for at least 3 seconds
    When all faults are healed
    Then no failover happens for 3 seconds
    And no acknowledged write is lost

  @mysql @orchestrator @extended
  Scenario: a long transaction holds its locks
    Given the topology "mysql-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When a long transaction on the primary holds its locks
    Then writes are interrupted for at least 3 seconds
    And a login to the primary succeeds within 2 seconds
    When the long transaction on the primary is rolled back
    Then no failover happens for 3 seconds
    And writes are interrupted for at most 20 seconds
    And no acknowledged write is lost

  @mysql @orchestrator @extended
  Scenario: the primary is set read-only by hand
    Given the topology "mysql-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the primary is set read-only by hand
    Then writes are interrupted for at least 3 seconds
    When node "m1" is set writable by hand
    Then no failover happens for 3 seconds
    And writes are interrupted for at most 20 seconds
    And no acknowledged write is lost

  @mysql @orchestrator @extended
  Scenario: a primary that was set read-only and is one no longer stays read-only
    Given the topology "mysql-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the primary is set read-only by hand
    And the operator requests a switchover to node "m2"
    Then node "m2" is promoted within 20 seconds
    When all faults are healed
    And 3 seconds pass
    Then at no time could two nodes acknowledge writes
    And no acknowledged write is lost

  @mysql @orchestrator @extended
  Scenario: no replica acknowledges, so commits hang while log-ins succeed
    Given the topology "mysql-3"
    And semi-synchronous replication waits for 1 replica
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When no replica acknowledges semi-synchronous replication
    Then writes are interrupted for at least 3 seconds
    And a login to the primary succeeds within 2 seconds
    And 2 replicas replicate from the primary within 5 seconds
    When the replicas acknowledge again
    Then no failover happens for 3 seconds
    And writes are interrupted for at most 20 seconds
    And no acknowledged write is lost

  @mysql @orchestrator @extended
  Scenario: the promoted node waits for acknowledgements too
    Given the topology "mysql-3"
    And semi-synchronous replication waits for 1 replica
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And no acknowledged write is lost
    When "mysqld" on node "m1" is started
    And 10 seconds pass
    And "mysqld" on every replica is frozen
    Then writes are interrupted for at least 12 seconds
    When all faults are healed

  @mysql @orchestrator @extended
  Scenario: a lock that ends with its server needs no heal
    Given the topology "mysql-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When a lock on node "m2" blocks writes
    Then node "m2" lags by at least 2 seconds within 15 seconds
    When "mysqld" on node "m2" is killed
    And "mysqld" on node "m2" is started
    And all faults are healed
    Then node "m2" replicates within 20 seconds
    And node "m2" lags by at most 1 second within 10 seconds

  @patroni @extended
  Scenario: the leader is locked, held up by a migration, and set read-only
    Given the topology "patroni-3"
    And the application writes 20 rows per second through the endpoint
    And the steady state holds
    When a lock on the leader blocks writes
    Then writes are interrupted for at least 3 seconds
    When the lock on the leader is released
    And 3 seconds pass
    And a long transaction on the leader holds its locks
    And 3 seconds pass
    And the long transaction on the leader is rolled back
    And 3 seconds pass
    And the leader is set read-only by hand
    And 3 seconds pass
    And the leader is set writable by hand
    Then no failover happens for 3 seconds
    And writes are interrupted for at most 20 seconds
    And no acknowledged write is lost
