@patroni @etcd @extended
Feature: A standby cluster takes over from a lost site
  A Patroni cluster of its own in a third datacenter, whose leader is a replica
  of the main one's. No machinery promotes it: an operator decides that the main
  site is lost, and says so by taking standby_cluster out of its configuration.

  Background:
    Given the topology "patroni-standby"
    And the application writes 20 rows per second through "db.shop.test"

  Scenario: the databases of the main site are lost, and the operator promotes the standby cluster
    Nothing happens by itself, however long it takes: the interruption is the
    time until somebody decides, and the two seconds that Patroni needs. The
    lost cluster is told to follow before it is back: its configuration is in
    etcd, and outlives its nodes.
    Given the steady state holds
    And node "s1" answers 200 to "/standby-leader" within 10 seconds
    And node "s1" answers 503 to "/primary" within 3 seconds
    When the host of nodes "p1,p2" is lost
    Then no failover happens for 25 seconds
    When the operator sets the dynamic setting "standby_cluster" to "null"
    Then node "s1" is promoted within 45 seconds
    And node "s1" answers 200 to "/primary" within 10 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    When the operator has the main cluster follow the standby cluster
    And the host of nodes "p1,p2" returns
    Then nodes "p1,p2" replicate within 90 seconds
    And writes are interrupted for at most 60 seconds
    And at most 10 acknowledged writes are lost
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes

  Scenario: the main cluster fails over, and the standby cluster follows the new leader
    It is told of both nodes, and streams from whichever takes writes.
    Given these settings:
      | component | key                   | value |
      | patroni   | primary_start_timeout | 0     |
    And the steady state holds
    When "postgres" on the leader is killed
    Then node "p2" is promoted within 15 seconds
    And node "s1" replicates from node "p2" within 40 seconds
    And node "s1" answers 200 to "/standby-leader" within 10 seconds
    And exactly 1 failover happens
    And at most 10 acknowledged writes are lost
