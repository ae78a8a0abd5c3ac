@patroni @etcd @extended
Feature: A whole datacenter is cut off
  Three datacenters, each with an etcd member, a database, a proxy and an
  application. DNS and its API lie outside of all three.

  A leader that was cut off is stopped twice before it follows: once to demote
  it, which waits for those who receive its WAL (wal_sender_timeout, 60 s), and
  once to rewind it, which waits for whoever has opened a connection through the
  cut and never said a word (authentication_timeout, 60 s). Both are short here.

  Scenario: the leader's datacenter is isolated, and the others follow by the name
    The isolated leader gives up when it has not reached etcd for retry_timeout,
    and before its key expires for the others. What it acknowledged until then
    to the application beside it is on no other node.
    Given the topology "patroni-3dc"
    And these settings:
      | component  | key                    | value |
      | postgresql | wal_sender_timeout     | 5s    |
      | postgresql | authentication_timeout | 5s    |
    And the application writes 10 rows per second through "db.shop.test"
    And the steady state holds
    When datacenter "dc1" is isolated
    Then a new leader is promoted within 45 seconds
    And the promoted node is one of "p2, p3"
    And exactly 1 failover happens
    And the recovery time is at most 50 seconds for the application in datacenter "dc2"
    And the recovery time is at most 50 seconds for the application in datacenter "dc3"
    And the old leader stops accepting writes within 20 seconds
    And at no time could two nodes acknowledge writes
    When 5 seconds pass
    And the isolation is healed
    Then the old leader rejoins as a replica within 120 seconds

  Scenario: the leader's datacenter is isolated, and each of the others follows by its own proxy
    A proxy in the lost datacenter would have taken the others down with it.
    Given the topology "patroni-3dc"
    And these settings:
      | component  | key                    | value |
      | postgresql | wal_sender_timeout     | 5s    |
      | postgresql | authentication_timeout | 5s    |
    And the application writes 10 rows per second through "proxy.shop.test"
    And the steady state holds
    When datacenter "dc1" is isolated
    Then a new leader is promoted within 45 seconds
    And exactly 1 failover happens
    And the recovery time is at most 60 seconds for the application in datacenter "dc2"
    And the recovery time is at most 60 seconds for the application in datacenter "dc3"
    And at no time could two nodes acknowledge writes
    When 5 seconds pass
    And the isolation is healed
    Then the old leader rejoins as a replica within 120 seconds
