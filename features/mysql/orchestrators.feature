@mysql @orchestrator @extended
Feature: Orchestrator itself is hit
  What keeps Orchestrator available, and what it cannot do without.

  Scenario: the datacenter of the primary is isolated, and raft goes on without it
    The Orchestrator in there loses its quorum and recovers nothing; the others
    promote a server that they reach. The old primary is fenced by nobody.
    Given the topology "mysql-raft"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When datacenter "dc1" is isolated
    Then a new primary is promoted within 40 seconds
    And the promoted node is one of "m3, m4"
    And Orchestrator reports "DeadMasterAndSomeReplicas"
    When the isolation is healed
    Then exactly 1 failover happens

  Scenario: the backend of Orchestrator is lost while the primary dies
    Nothing is recovered without the backend; once it is back, the failover
    comes as if the primary had died only then.
    Given the topology "mysql-shared-backend"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the backend is killed
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then no failover happens for 8 seconds
    When "mysqld" on the backend is started
    Then a new primary is promoted within 30 seconds
