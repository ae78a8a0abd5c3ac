Feature: Disks that are full, read-only, slow or broken
  A full disk and a slow one leave the server up, so no failover comes to help;
  a broken one takes it down, and it is back once the disk is.

  @mysql @orchestrator @extended
  Scenario: the disk of the primary is full
    Its commits hang, and the connections that wait for them use up all there
    are. It looks only every minute whether there is room again.
    Given the topology "mysql-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the disk of the primary is full
    Then writes are interrupted for at least 5 seconds
    And a login to the primary fails with "Too many connections"
    And no failover happens for 5 seconds
    When the disk of the primary has room again
    And 70 seconds pass
    Then the recovery time is at most 2 minutes
    And no acknowledged write is lost

  @mysql @orchestrator
  Scenario: the disk of the primary fails
    Given the topology "mysql-3"
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When the disk of the primary fails
    Then a new primary is promoted within 30 seconds
    And "mysqld" on the old primary does not run
    And exactly 1 failover happens
    And the recovery time is at most 30 seconds
    And at most 20 acknowledged writes are lost
    When the disk of the old primary works again
    Then "mysqld" on the old primary runs within 20 seconds
    And at no time could two nodes acknowledge writes

  @mysql @orchestrator @extended
  Scenario: the disks of the replicas
    A slow disk makes a replica late. A read-only one ends its replication: the
    server aborts, or its receiver gives up, and somebody has to start it again.
    Given the topology "mysql-3"
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When the disk of node "m3" is slow
    Then node "m3" lags by at least 3 seconds within 30 seconds
    When the disk of node "m3" works again
    Then node "m3" lags by at most 1 second within 60 seconds
    When the disk of node "m2" is read-only
    Then node "m2" stops replicating within 20 seconds
    When the disk of node "m2" works again
    Then "mysqld" on node "m2" runs within 20 seconds
    And a login to node "m2" succeeds within 20 seconds
    And no failover happens for 5 seconds
    And no acknowledged write is lost

  @mysql @orchestrator @extended
  Scenario: the disk of the primary takes long to sync, and then fails to
    Given the topology "mysql-3"
    And these settings:
      | component | key                            | value |
      | mysql     | sync_binlog                    | 1     |
      | mysql     | innodb_flush_log_at_trx_commit | 1     |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the disk of the primary takes 500 milliseconds to sync
    Then writes are interrupted for at least 3 seconds
    And no failover happens for 5 seconds
    When the disk of the primary works again
    And 5 seconds pass
    And the disk of the primary fails to sync
    Then a new primary is promoted within 30 seconds
    When the disk of the old primary works again
    Then "mysqld" on the old primary runs within 20 seconds
    And exactly 1 failover happens

  @mysql @orchestrator @extended
  Scenario: the backend of Orchestrator is gone
    Orchestrator that cannot write its SQLite file does not recover anything; it
    does when the disk works again.
    Given the topology "mysql-3"
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When the disk of node "o1" fails
    And 10 seconds pass
    And "mysqld" on the primary is killed
    Then no failover happens for 15 seconds
    When the disk of node "o1" works again
    Then a new primary is promoted within 60 seconds

  @patroni @etcd @extended
  Scenario: the disk of the Patroni leader fails
    PostgreSQL panics as soon as a sync fails, and panics again as long as it
    does. The leader is replaced, and joins again once its disk works.
    Given the topology "patroni-3"
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When the disk of the leader fails
    Then a new leader is promoted within 60 seconds
    And the recovery time is at most 60 seconds
    When the disk of the old leader works again
    Then the old leader rejoins as a replica within 90 seconds
    And exactly 1 failover happens
