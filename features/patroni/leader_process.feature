@patroni @etcd @extended
Feature: Processes of the leader die, hang or starve
  Patroni and PostgreSQL are two processes, and each dies alone. PostgreSQL
  without Patroni goes on writing while the others elect; Patroni without
  PostgreSQL starts it again. What Patroni cannot see, it does not mend.

  Background:
    Given the topology "patroni-3"

  Scenario: patroni is killed, and its supervisor starts it again
    PostgreSQL does not notice, and the leader's key outlives the second.
    Given the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "patroni" on the leader is killed and restarts after 1 second
    Then no failover happens for 25 seconds
    And writes are interrupted for at most 2 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  @slow
  Scenario: patroni is killed and not started again, and two nodes take writes
    Nobody is left to demote the old leader, and without a watchdog nothing
    else does. The name goes to the new one, and new connections with it; what
    was acknowledged between the end of the key and that moment is lost, and a
    connection that was kept open stays where it was, without end.
    Given the application writes 20 rows per second through "db.shop.test"
    And the application keeps a connection open through "db.shop.test"
    And the steady state holds
    When "patroni" on the leader is killed
    Then a new leader is promoted within 60 seconds
    And "db.shop.test" resolves to the leader within 15 seconds
    And the old leader stops accepting writes within 75 seconds
    And the connections kept open lead to the leader within 10 seconds
    And at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"
    And the drill fails because "stops accepting writes"
    And the drill fails because "the connections kept open"
    When "patroni" on the old leader is started
    Then the old leader rejoins as a replica within 90 seconds
    And exactly 1 failover happens
    And acknowledged writes are lost

  @slow
  Scenario: patroni is killed, and the callback does not move the name
    The application writes on to the old leader, and nothing refuses it: all
    that it is told has been written is thrown away when the node rejoins.
    Given the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the hook "patroni-on-role-change" does nothing
    And "patroni" on the leader is killed
    Then a new leader is promoted within 60 seconds
    When 10 seconds pass
    Then "db.shop.test" resolves to the leader within 15 seconds
    But the drill fails because "resolves to the leader"
    When the hook "patroni-on-role-change" works again
    And "patroni" on the old leader is started
    Then the old leader rejoins as a replica within 90 seconds
    And no acknowledged write is lost
    But the drill fails because "no acknowledged write is lost"

  Scenario: patroni and postgres are killed at the same moment
    Given the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When at once:
      | "patroni" on the leader is killed  |
      | "postgres" on the leader is killed |
    Then a new leader is promoted within 40 seconds
    And "db.shop.test" resolves to the leader within 15 seconds
    And exactly 1 failover happens
    And the recovery time is at most 60 seconds
    And at most 10 acknowledged writes are lost
    When "patroni" on the old leader is started
    Then the old leader rejoins as a replica within 90 seconds
    And at no time could two nodes acknowledge writes

  Scenario: postgres is stopped by hand
    Somebody stops the database past Patroni, which starts it again where it
    was.
    Given the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "postgres" on the leader is stopped
    Then no failover happens for 25 seconds
    And the recovery time is at most 20 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: postgres crash-loops, and the role is handed over
    The first restart that is cut short counts as failed, and Patroni gives the
    key up.
    Given the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "postgres" on the leader crash-loops
    Then a new leader is promoted within 60 seconds
    And exactly 1 failover happens
    And the recovery time is at most 60 seconds
    And at most 10 acknowledged writes are lost
    When "postgres" on the old leader is started
    Then the old leader rejoins as a replica within 90 seconds
    And at no time could two nodes acknowledge writes

  Scenario: the leader is starved of CPU
    With a twentieth of its time Patroni still renews its key, while hardly a
    write is answered in time: nobody is promoted, and nobody writes for seconds.
    Given the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the leader is starved of CPU
    Then no failover happens for 40 seconds
    And writes are interrupted for at least 3 seconds
    When the leader has CPU again
    Then 2 replicas replicate from the leader within 60 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: postgres cannot start any more
    Somebody has asked for a library that is not installed, and nobody knows
    until the next start. That fails at once, so that Patroni gives the key up
    without waiting for its primary_start_timeout of 300 seconds.
    Given the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the operator runs "ALTER SYSTEM SET shared_preload_libraries = 'not_installed'" on the leader
    And "postgres" on the leader is killed
    Then a new leader is promoted within 40 seconds
    And exactly 1 failover happens
    And the recovery time is at most 60 seconds
    And at most 10 acknowledged writes are lost
    When the operator reinitializes the old leader
    Then the old leader rejoins as a replica within 2 minutes
    And at no time could two nodes acknowledge writes
