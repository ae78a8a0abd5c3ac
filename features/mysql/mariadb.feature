@mysql @orchestrator @extended
Feature: MariaDB under Orchestrator
  Orchestrator moves MariaDB's replicas by their GTIDs, and cannot compare what
  servers have: what it does without a word for MySQL (apply what is in the
  relay logs, see errant transactions) it does not do here.

  Background:
    Given the topology "mariadb-3"
    And the application writes 50 rows per second through "db.shop.test"

  Scenario: the MariaDB primary is killed
    Given the steady state holds
    When "mariadbd" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And Orchestrator reports "DeadMaster"
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 15 seconds
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes
    And 1 replica replicates from the primary within 15 seconds
    And the hook "orchestrator-post-failover" ran once

  Scenario: the host of the MariaDB primary is lost
    Its connections hang instead of breaking: the replicas notice by
    slave_net_timeout, which is 4 seconds here and 60 by default.
    Given the steady state holds
    When the host of the primary is lost
    Then a new primary is promoted within 40 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 40 seconds
    And at most 10 acknowledged writes are lost
    And 1 replica replicates from the primary within 20 seconds

  Scenario: the MariaDB primary hangs
    As a lost host. Whoever wakes it up has two primaries: nothing made it
    read-only, as with MySQL.
    Given the steady state holds
    When "mariadbd" on the primary is frozen
    Then a new primary is promoted within 40 seconds
    And exactly 1 failover happens
    And "db.shop.test" resolves to the primary within 5 seconds
    And the recovery time is at most 40 seconds
    And at most 10 acknowledged writes are lost

  Scenario: a planned switchover to a replica of Orchestrator's choice
    Given the steady state holds
    When the operator requests a switchover
    Then a new primary is promoted within 30 seconds
    And exactly 1 failover happens
    And "db.shop.test" resolves to the primary within 5 seconds
    And writes are interrupted for at most 10 seconds
    And no acknowledged write is lost
    And no node has errant transactions
    And at no time could two nodes acknowledge writes
    And 2 replicas replicate from the primary within 20 seconds

  Scenario: the candidate is promoted although another is nearer
    Given node "m3" has the promotion rule "prefer"
    And the steady state holds
    When "mariadbd" on the primary is killed
    Then node "m3" is promoted within 15 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: an intermediate primary dies, and its replica moves up
    Given node "m3" replicates from node "m2"
    And the steady state holds
    When "mariadbd" on node "m2" is killed
    Then node "m3" replicates from node "m1" within 20 seconds
    And the hook "PostIntermediateMasterFailover" ran once
    And no failover happens for 2 seconds
    And writes are interrupted for at most 2 seconds
    And no acknowledged write is lost

  Scenario: the old MariaDB primary is brought back as a replica
    It comes back read-only, in a cluster of its own, and nobody brings it back
    but a person. Its gtid_slave_pos is empty, as it never was a replica: it
    must be told where its own history ends, or it asks for everything again.
    Given the steady state holds
    When "mariadbd" on the primary is killed
    Then a new primary is promoted within 15 seconds
    When "mariadbd" on the old primary is started
    And 5 seconds pass
    And the operator has the old primary replicate from the promoted node
    Then the old primary replicates from the promoted node within 20 seconds
    And at no time could two nodes acknowledge writes
    And at most 5 acknowledged writes are lost
