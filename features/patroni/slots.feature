@patroni @etcd @extended
Feature: Replication slots outlive the leader
  A slot belongs to one server. Patroni makes those that it is told of on every
  node, moves them forward on replicas as the leader's are read, and drops those
  that nobody told it of.

  Scenario: permanent slots are on every node, advance there, and survive a failover
    A megabyte of WAL puts the consumer behind on every node; the leader's slot
    is then read to the end, and the replicas' follow it. After the failover the
    consumer goes on at most a loop behind where it was.
    Given the topology "patroni-3"
    And these settings:
      | component  | key                   | value                                                       |
      | postgresql | wal_level             | logical                                                     |
      | patroni    | slots.archive         | {type: physical}                                            |
      | patroni    | slots.cdc             | {type: logical, database: firedrill, plugin: test_decoding} |
      | patroni    | primary_start_timeout | 0                                                           |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    Then the query "SELECT slot_name FROM pg_replication_slots WHERE slot_name IN ('archive', 'cdc') ORDER BY 1" on nodes "p1,p2,p3" gives "archive,cdc" within 40 seconds
    When the operator runs "SELECT pg_logical_emit_message(false, 'drill', repeat('x', 1000000))" on the leader
    Then the query "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - confirmed_flush_lsn > 900000 FROM pg_replication_slots WHERE slot_name = 'cdc'" on nodes "p1,p2,p3" gives "t" within 10 seconds
    When the operator runs "SELECT pg_replication_slot_advance('cdc', pg_current_wal_lsn())" on the leader
    Then the query "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - confirmed_flush_lsn < 500000 FROM pg_replication_slots WHERE slot_name = 'cdc'" on nodes "p1,p2,p3" gives "t" within 20 seconds
    When "postgres" on the leader is killed
    Then a new leader is promoted within 15 seconds
    And the query "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - confirmed_flush_lsn < 800000 FROM pg_replication_slots WHERE slot_name = 'cdc'" on the leader gives "t" within 10 seconds
    And the query "SELECT slot_name FROM pg_replication_slots WHERE slot_name IN ('archive', 'cdc') ORDER BY 1" on nodes "p1,p2,p3" gives "archive,cdc" within 60 seconds
    And the query "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'archive' AND xmin IS NOT NULL" on nodes "p1,p2,p3" gives "0" within 10 seconds

  Scenario: a slot that Patroni was not told of is dropped, one that it must ignore stays
    Patroni does not look for strange slots all the time; a change of the node's
    role makes it look. The slot to ignore is on one server only: the new leader
    has none, and its consumer must begin anew.
    Given the topology "patroni-3"
    And these settings:
      | component | key          | value                                 |
      | patroni   | ignore_slots | [{name: backup_tool, type: physical}] |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the operator runs "SELECT pg_create_physical_replication_slot('backup_tool')" on node "p1"
    And the operator runs "SELECT pg_create_physical_replication_slot('forgotten')" on node "p1"
    And the operator requests a switchover to node "p2"
    Then node "p2" is promoted within 15 seconds
    And the old leader rejoins as a replica within 60 seconds
    And the query "SELECT slot_name FROM pg_replication_slots WHERE slot_name IN ('backup_tool', 'forgotten')" on node "p1" gives "backup_tool" within 15 seconds
    And the query "SELECT slot_name FROM pg_replication_slots WHERE slot_name IN ('backup_tool', 'forgotten')" on node "p2" gives nothing within 3 seconds
    And no acknowledged write is lost

  Scenario: every node keeps slots for the others, before and after a failover
    A replica keeps the WAL that the others have not read yet: whoever is
    promoted can feed them all. A lost node's slot is kept for it.
    Given the topology "patroni-3"
    And these settings:
      | component | key                   | value |
      | patroni   | primary_start_timeout | 0     |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    Then the query "SELECT slot_name FROM pg_replication_slots ORDER BY 1" on node "p2" gives "p1,p3" within 15 seconds
    And the query "SELECT slot_name FROM pg_replication_slots ORDER BY 1" on node "p3" gives "p1,p2" within 15 seconds
    When the host of the leader is lost
    Then a new leader is promoted within 40 seconds
    And the query "SELECT slot_name FROM pg_replication_slots WHERE slot_name = 'p1'" on the leader gives "p1" within 10 seconds
    When the host of the old leader returns
    Then the old leader rejoins as a replica within 60 seconds
    And the query "SELECT count(*) FROM pg_replication_slots WHERE active" on the leader gives "2" within 30 seconds
    And at most 10 acknowledged writes are lost
