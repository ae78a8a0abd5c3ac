@mysql @orchestrator
Feature: Every topology of MySQL fails over as its shape promises
  One drill a topology, the shortest that shows what is special about it. The
  failover matrix is drilled elsewhere.

  Scenario: an intermediate primary dies, and its replicas move to its sibling
    The primary is untouched: what the intermediate primary fed is fed by the
    replica beside it, and nothing is promoted. Orchestrator calls it
    DeadIntermediateMaster, or AllIntermediateMasterReplicasFailingToConnectOrDead
    when it hears of the replicas first: it recovers from both.
    Given the topology "mysql-chain"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the intermediate primary is killed
    Then no failover happens for 8 seconds
    And nodes "m3, m4" replicate within 10 seconds
    And the hook "PostIntermediateMasterFailover" ran once
    And writes are interrupted for at most 1 second
    And no acknowledged write is lost

  @extended
  Scenario: a co-primary takes over from the other
    Given the topology "mysql-comaster"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m2" is promoted within 10 seconds
    And Orchestrator reports "DeadCoMaster"
    And "db.shop.test" resolves to the primary within 5 seconds
    And node "m3" replicates from node "m2" within 10 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: a third server succeeds a co-primary
    It goes on naming its source, from which Orchestrator only took it away.
    Given the topology "mysql-comaster"
    And these settings:
      | component    | key                                      | value |
      | orchestrator | CoMasterRecoveryMustPromoteOtherCoMaster | false |
    And node "m3" has the promotion rule "prefer"
    And node "m2" has the promotion rule "must_not"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m3" is promoted within 10 seconds
    And exactly 1 failover happens

  @extended
  Scenario: the raft leader is killed, then the primary
    Given the topology "mysql-raft"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "orchestrator" on the Orchestrator leader is killed
    Then no failover happens for 10 seconds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And Orchestrator reports "DeadMaster"
    And the hook "orchestrator-post-failover" ran once
    And 2 replicas replicate from the primary within 10 seconds
    And exactly 1 failover happens

  @extended
  Scenario: the Orchestrator that leads through the shared backend is killed, then the primary
    Given the topology "mysql-shared-backend"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "orchestrator" on the Orchestrator leader is killed
    Then the Orchestrator leader is in datacenter "dc2" within 15 seconds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And the hook "orchestrator-post-failover" ran once
    And exactly 1 failover happens

  @extended
  Scenario: of many kinds of replicas the candidate is promoted
    The delayed replica has nothing of what was written and the one without
    binary log cannot feed others; both follow the candidate.
    Given the topology "mysql-5"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m2" is promoted within 10 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And nodes "m3, m4, m5" replicate from node "m2" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  @extended
  Scenario: a write that was acknowledged semi-synchronously outlives the primary
    Given the topology "mysql-semisync"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 10 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And no acknowledged write is lost
