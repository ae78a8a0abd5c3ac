@faults @mysql @orchestrator
Feature: Nodes that run out of what they need
  Each is taken from a replica, and seen by the application: a server that is
  starved of something is up, and of no use.

  @extended
  Scenario: CPU, connections and file descriptors of a replica
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When node "m2" is left 10% of its CPU
    Then reading 250 kilobytes from node "m2" takes at least 50 milliseconds
    When node "m2" has CPU again
    Then a login to node "m2" succeeds within 10 seconds
    When node "m2" is starved of connections
    Then a login to node "m2" fails with "Too many connections"
    When node "m2" has connections again
    Then a login to node "m2" succeeds within 10 seconds
    When node "m2" is starved of file descriptors
    Then the application reaches node "m2" on port 3306
    And a login to node "m2" fails
    When node "m2" has file descriptors again
    Then a login to node "m2" succeeds within 20 seconds
    And node "m2" replicates within 30 seconds
    And no failover happens for 5 seconds
    And no acknowledged write is lost

  @extended
  Scenario: memory of a replica, until the kernel takes the database
    Under pressure the server serves on. When all is taken the kernel kills the
    database, and it is back when there is memory again.
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When node "m2" is starved of memory
    Then a login to node "m2" succeeds within 10 seconds
    When node "m2" has memory again
    And node "m2" runs out of memory
    Then "mysqld" on node "m2" does not run
    And a login to node "m2" fails
    When node "m2" has memory again
    Then a login to node "m2" succeeds within 30 seconds
    And node "m2" replicates within 60 seconds
    And no failover happens for 5 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the primary has no CPU
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When the primary is left 1% of its CPU
    Then writes are interrupted for at least 400 milliseconds
    When all faults are healed
    Then a login to node "m1" succeeds within 10 seconds
