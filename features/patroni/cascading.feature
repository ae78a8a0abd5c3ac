@patroni @etcd @extended
Feature: Cascading replication
  A node with the tag replicatefrom streams from another replica, as long as
  there is that one.

  Background:
    Given the topology "patroni-3"
    And these settings:
      | component | key                | value |
      | p3        | tags.replicatefrom | p2    |
    And the application writes 20 rows per second through "db.shop.test"

  Scenario: the leader dies, and the cascade holds behind the new one
    Given these settings:
      | component | key                   | value |
      | patroni   | primary_start_timeout | 0     |
      | p3        | tags.nofailover       | true  |
    And the steady state holds
    And node "p3" replicates from node "p2" within 15 seconds
    When "postgres" on the leader is killed
    Then node "p2" is promoted within 15 seconds
    And node "p3" replicates from node "p2" within 15 seconds
    And the old leader rejoins as a replica within 60 seconds
    And exactly 1 failover happens
    And at most 10 acknowledged writes are lost
