@mysql @orchestrator @extended
Feature: How many replicas a failover salvages
  The classic test of a production cluster: make the topology flat, give one
  replica two of its own, kill the primary, and count who follows the new one.

  Background:
    Given the topology "mysql-chain"
    And node "m2" has the promotion rule "prefer"
    And these settings:
      | component    | key                        | value |
      | orchestrator | RecoveryPeriodBlockSeconds | 3600  |
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When the operator relocates nodes "m3, m4" below the primary
    Then nodes "m2, m3, m4, m5" replicate from node "m1" within 15 seconds
    When the operator relocates nodes "m3, m4" below node "m5"
    Then nodes "m3, m4" replicate from node "m5" within 15 seconds

  Scenario: the primary of a tree is killed
    The intermediate primary follows the new one and keeps its pair; the
    operator makes the tree flat, and of four replicas three are salvaged.
    When "mysqld" on the primary is killed
    Then node "m2" is promoted within 15 seconds
    And node "m5" replicates from node "m2" within 15 seconds
    And nodes "m3, m4" replicate from node "m5" within 15 seconds
    When the operator relocates nodes "m3, m4" below the promoted node
    Then 3 replicas replicate from the primary within 20 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: the intermediate primary is killed, and the primary a moment later
    The pair is moved below a sibling. That recovery blocks the one of the
    primary, for an hour by default, until somebody acknowledges it: then two
    of four replicas are salvaged.
    When "mysqld" on node "m5" is killed
    Then the hook "PostIntermediateMasterFailover" ran once
    And nodes "m3, m4" replicate within 30 seconds
    When "mysqld" on the primary is killed
    Then the failover is blocked as flapping
    And no failover happens for 3 seconds
    When the operator acknowledges the recovery
    Then node "m2" is promoted within 60 seconds
    When the operator relocates nodes "m3, m4" below the promoted node
    Then 2 replicas replicate from the primary within 20 seconds
    And at most 5 acknowledged writes are lost
