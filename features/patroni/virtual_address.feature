@patroni @etcd @extended
Feature: A virtual address held by keepalived
  Keepalived runs beside every node and lets only one have the address whose
  Patroni says that it leads and whose PostgreSQL says that it takes writes.
  Patroni's /primary alone answers 200 to whoever holds the leader key, even
  while its PostgreSQL does not run.

  Background:
    Given the topology "patroni-vip"
    And the application writes 20 rows per second through "vip.shop.test"

  Scenario: the leader dies at once, and the address moves
    Given these settings:
      | component | key                   | value |
      | patroni   | primary_start_timeout | 0     |
    And the steady state holds
    Then 1 server holds the virtual address within 20 seconds
    When "postgres" on the leader is killed
    Then a new leader is promoted within 15 seconds
    And "vip.shop.test" leads to the leader within 25 seconds
    And exactly 1 failover happens
    And the recovery time is at most 20 seconds
    And at most 10 acknowledged writes are lost
    And at no time could two nodes acknowledge writes

  Scenario: the host of the leader is lost
    Nobody gives the address up: the others miss its announcements, and the one
    that is promoted takes it.
    Given the steady state holds
    When the host of the leader is lost
    Then a new leader is promoted within 40 seconds
    And "vip.shop.test" leads to the leader within 25 seconds
    And exactly 1 failover happens
    And at most 10 acknowledged writes are lost
    And the recovery time is at most 55 seconds

  Scenario: Patroni alone is killed, and the address leaves a PostgreSQL that goes on
    Nobody demotes it: it takes writes for as long as it lives, beside the next
    leader. The check beside it sees within two seconds that Patroni is gone and
    gives the address up, so nobody writes there any more.
    Given the steady state holds
    When "patroni" on the leader is killed
    Then 0 servers hold the virtual address within 10 seconds
    And a new leader is promoted within 60 seconds
    And "vip.shop.test" leads to the leader within 25 seconds
    And 1 server holds the virtual address within 12 seconds
    And at most 5 acknowledged writes are lost
    And the recovery time is at most 75 seconds

  Scenario: the leader is cut off from the other nodes and etcd, and the address is with both for a while
    The isolated node keeps it until it has given up leading; nobody hears its
    announcements but the application that is cut off with it.
    Given these settings:
      | component  | key                    | value |
      | postgresql | wal_sender_timeout     | 5s    |
      | postgresql | authentication_timeout | 5s    |
    And the steady state holds
    When the leader is partitioned from nodes "p2, p3, e1, e2, e3"
    Then a new leader is promoted within 45 seconds
    And "vip.shop.test" leads to the leader within 25 seconds
    When 2 seconds pass
    And the partition is healed
    Then 1 server holds the virtual address within 20 seconds
    And at no time could two nodes acknowledge writes
