@patroni @etcd @extended
Feature: One failover, four ways to the leader
  The same application writes through all of them at once, so that one loss of
  the leader gives the recovery time of each, side by side in the report: direct
  (the application knows every node and keeps to the one that takes writes),
  the name that a callback flips, a virtual address, and a proxy with a
  NodeBalancer's check. What the others take longer than the direct way is their
  own: the failover is over by then.

  Each way is a connection for every write: 5 rows a second each.

  Background:
    Given the topology "patroni-vip"
    And the application writes 5 rows per second through "direct"
    And the application writes 5 rows per second through "db.shop.test"
    And the application writes 5 rows per second through "vip.shop.test"
    And the application writes 5 rows per second through "proxy.shop.test"

  Scenario: postgres of the leader is killed
    The key is released at once. The name and the address follow within seconds;
    the proxy takes two good checks of 5 seconds each before it uses the new
    leader.
    Given these settings:
      | component | key                   | value |
      | patroni   | primary_start_timeout | 0     |
    And the steady state holds
    When "postgres" on the leader is killed
    Then a new leader is promoted within 15 seconds
    And exactly 1 failover happens
    And the recovery time is at most 15 seconds through "direct"
    And the recovery time is at most 18 seconds through "db.shop.test"
    And the recovery time is at most 20 seconds through "vip.shop.test"
    And the recovery time is at most 35 seconds through "proxy.shop.test"
    And at most 10 acknowledged writes are lost

  Scenario: the host of the leader is lost
    Nobody hears of it: the key has to expire first, which is most of the time.
    Given the steady state holds
    When the host of the leader is lost
    Then a new leader is promoted within 40 seconds
    And exactly 1 failover happens
    And the recovery time is at most 45 seconds through "direct"
    And the recovery time is at most 48 seconds through "db.shop.test"
    And the recovery time is at most 50 seconds through "vip.shop.test"
    And the recovery time is at most 60 seconds through "proxy.shop.test"
    And at most 10 acknowledged writes are lost

  Scenario: patroni of the leader is stopped cleanly
    It stops its postgres, waits until a replica has everything, and releases the
    key.
    Given the steady state holds
    When "patroni" on the leader is stopped
    Then a new leader is promoted within 20 seconds
    And exactly 1 failover happens
    And the recovery time is at most 20 seconds through "direct"
    And the recovery time is at most 22 seconds through "db.shop.test"
    And the recovery time is at most 25 seconds through "vip.shop.test"
    And the recovery time is at most 40 seconds through "proxy.shop.test"
    And no acknowledged write is lost

  Scenario: the operator switches over
    The leader moves within two seconds. Through the proxy a planned switchover
    costs as much as a crash: the old leader is up and read-only, and the new one
    is down until its second good check.
    Given the steady state holds
    When the operator requests a switchover
    Then a new leader is promoted within 15 seconds
    And exactly 1 failover happens
    And the recovery time is at most 10 seconds through "direct"
    And the recovery time is at most 12 seconds through "db.shop.test"
    And the recovery time is at most 12 seconds through "vip.shop.test"
    And the recovery time is at most 35 seconds through "proxy.shop.test"
    And no acknowledged write is lost
