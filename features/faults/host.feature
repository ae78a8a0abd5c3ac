@faults
Feature: Hosts that pause, reboot, and return with an empty disk

  @mysql @orchestrator @extended
  Scenario: a host is paused, and another is rebooted
    A paused host still accepts connections, because its kernel does; a rebooted
    one is silent until it is back, by its own clock.
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When node "m2" is paused
    Then the application reaches node "m2" on port 3306
    And a login to node "m2" fails
    When node "m2" resumes
    Then a login to node "m2" succeeds within 10 seconds
    And node "m2" replicates within 60 seconds
    When the host of node "m3" is rebooted and is back after 8 seconds
    Then the application does not reach node "m3" on port 3306
    And "mysqld" on node "m3" runs within 20 seconds
    And a login to node "m3" succeeds within 30 seconds
    And node "m3" replicates within 60 seconds
    And no failover happens for 5 seconds
    And no acknowledged write is lost

  @mysql @orchestrator @extended
  Scenario: a MySQL host returns with an empty disk
    MySQL starts as a fresh server, which knows no application and replicates
    from nobody: it is for people to provision it again.
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When the host of node "m3" is lost
    And the host of node "m3" returns with an empty disk
    Then "mysqld" on node "m3" runs within 60 seconds
    And node "m3" stops replicating within 30 seconds
    And no failover happens for 5 seconds

  @patroni @etcd @extended
  Scenario: a PostgreSQL host returns with an empty disk, and clones itself
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of node "p3" is lost
    And the host of node "p3" returns with an empty disk
    Then "postgres" on node "p3" runs within 90 seconds
    And node "p3" replicates within 90 seconds
    And no failover happens for 5 seconds
    And no acknowledged write is lost
