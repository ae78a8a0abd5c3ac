@patroni @etcd @extended
Feature: Two PostgreSQL nodes and three members of etcd
  The third vote needs no third copy of the data. One of the two may be lost;
  until it is back there is nobody to fail over to.

  Background:
    Given the topology "patroni-2"
    And the application writes 10 rows per second through "db.shop.test"

  Scenario: the leader's host is lost, and comes back behind the new leader
    Given the steady state holds
    When the host of the leader is lost
    Then a new leader is promoted within 40 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 45 seconds
    And at most 10 acknowledged writes are lost
    When the host of the old leader returns
    Then the old leader rejoins as a replica within 60 seconds
    And at no time could two nodes acknowledge writes

  Scenario: the replica's host is lost, and nothing else
    Given the steady state holds
    When the host of every replica is lost
    Then no failover happens for 25 seconds
    And writes are interrupted for at most 8 seconds
    When the host of node "p2" returns
    Then 1 replica replicates from the leader within 60 seconds
    And no acknowledged write is lost
