@mysql @orchestrator @extended
Feature: A virtual address held by keepalived
  Keepalived runs beside every server and lets only one that takes writes have
  the address. Orchestrator knows nothing of it: a promotion makes a server
  writable, and the address follows by itself.

  Background:
    Given the topology "mysql-vip"
    And the application writes 50 rows per second through "vip.shop.test"

  Scenario: mysqld on the primary is killed, and the address moves
    Given the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "vip.shop.test" leads to the primary within 10 seconds
    And the recovery time is at most 25 seconds
    And at most 5 acknowledged writes are lost
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes

  Scenario: the host of the primary is lost
    Nobody gives the address up: the others miss its announcements, and the one
    that is promoted takes it.
    Given the steady state holds
    When the host of the primary is lost
    Then a new primary is promoted within 30 seconds
    And "vip.shop.test" leads to the primary within 10 seconds
    And the recovery time is at most 40 seconds
    And at most 5 acknowledged writes are lost
    And exactly 1 failover happens

  Scenario: the hook fails, and the address moves all the same
    The name stays with the dead primary; who goes through the address does not
    notice.
    Given the steady state holds
    When the hook "orchestrator-post-failover" fails
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "vip.shop.test" leads to the primary within 10 seconds
    And "db.shop.test" resolves to the old primary within 5 seconds in every datacenter
    And the recovery time is at most 25 seconds

  Scenario: the primary is cut off from the other servers, and two hold the address
    The old primary keeps the address because it takes writes; the promoted one
    takes it because it hears of nobody who has it. Who announced it last has
    the clients. After the partition the higher priority decides, and that is
    the old primary's, which nobody has turned off: the clients go back to it.
    Given these settings:
      | component | key          | value |
      | m1        | vip_priority | 150   |
    And the steady state holds
    Then 1 server holds the virtual address within 5 seconds
    When the primary is partitioned from nodes "m2, m3, o1"
    Then a new primary is promoted within 40 seconds
    And 2 servers hold the virtual address within 15 seconds
    And "vip.shop.test" leads to the primary within 15 seconds
    When 2 seconds pass
    And the partition is healed
    Then 1 server holds the virtual address within 15 seconds
    When 4 seconds pass
    Then at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"
    And the drill fails because "vip.shop.test"

  Scenario: the old primary comes back writable with the higher priority, and takes the address
    It says that it takes writes, so it may have the address, and it ranks
    higher: every client is back on the server that the failover left behind.
    Given these settings:
      | component | key             | value |
      | m1        | vip_priority    | 150   |
      | m1        | read_only       | OFF   |
      | m1        | super_read_only | OFF   |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "vip.shop.test" leads to the primary within 10 seconds
    When 5 seconds pass
    And "mysqld" on the old primary is started
    And 8 seconds pass
    Then exactly 1 failover happens
    But the drill fails because "vip.shop.test"

  Scenario: the same, and the address stays where it is
    With nopreempt nobody takes an address that somebody has, whatever the
    priorities. The old primary would still take writes, but is asked for none.
    Given these settings:
      | component  | key             | value |
      | keepalived | nopreempt       | on    |
      | m1         | vip_priority    | 150   |
      | m1         | read_only       | OFF   |
      | m1         | super_read_only | OFF   |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "vip.shop.test" leads to the primary within 10 seconds
    When 5 seconds pass
    And "mysqld" on the old primary is started
    And 8 seconds pass
    Then exactly 1 failover happens
    And at most 5 acknowledged writes are lost
