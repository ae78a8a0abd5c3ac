@mysql @orchestrator @extended
Feature: What a cluster's alias means after a split
  The old primary and two replicas are cut off and come back as a cluster of
  their own, which claims the alias, too. Orchestrator gives it to the writable
  one with the most replicas, but passes over a primary that it has in downtime.

  Background:
    Given the topology "mysql-chain"
    And node "m4" replicates from node "m1"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When nodes "m1, m4, m5" is partitioned from nodes "m2, m3, o1"
    Then node "m2" is promoted within 40 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    When the partition is healed

  Scenario: the downtime of the old primary is ended, and the alias means the servers that nobody uses
    A failover forced by alias hits the cluster that nobody writes to.
    When 5 seconds pass
    And the operator ends downtime of node "m1"
    And 10 seconds pass
    And the operator forces a failover of the alias "shop"
    Then a finding of the report names "host:port"
    And the promoted node is one of "m3"
    But the drill fails because "the promoted node is one of"

  Scenario: the downtime of the old primary is ended, and the operator names the primary
    A server's own name can mean one cluster only. The time counts from the end
    of the downtime.
    When 5 seconds pass
    And the operator ends downtime of node "m1"
    And 10 seconds pass
    And the operator forces a failover of node "m2"
    Then node "m3" is promoted within 30 seconds
    And no finding of the report names "host:port"
