@mysql @orchestrator @extended
Feature: Whom Orchestrator promotes
  Data first, then promotion rules, then the place. A replica that must not
  lead is passed over, and one that should lead is brought up to date first.

  Background:
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"

  Scenario: the replica that has most wins over the one that is near
    Both are neutral. The near one is three seconds behind; it is not asked.
    Given the steady state holds
    When the receiver of node "m2" is stopped
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then node "m3" is promoted within 20 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: of two replicas that have the same the near one wins
    Few writes, because the one that got the very last of many would win.
    Given the application writes 3 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m2" is promoted within 15 seconds
    And the promoted node is in datacenter "dc1"
    And node "m3" replicates from node "m2" within 15 seconds
    And exactly 1 failover happens

  Scenario: a replica with the rule prefer wins over a near one
    Given node "m3" has the promotion rule "prefer"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m3" is promoted within 15 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: a preferred replica that is behind is brought up to date first
    The neutral one has all that it lacks: it stands in until the preferred
    one has caught up from it. Nothing is lost by the preference.
    Given node "m3" has the promotion rule "prefer"
    And the steady state holds
    When the receiver of node "m3" is stopped
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then node "m3" is promoted within 20 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And exactly 1 failover happens
    And the hook "PostMasterFailover" ran once
    And at most 5 acknowledged writes are lost

  Scenario: a replica with the rule prefer_not gives way to a far one
    Given node "m2" has the promotion rule "prefer_not"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m3" is promoted within 15 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: a replica with the rule prefer_not stands in until another has its data
    The one that has most is not liked: its data is taken, and it is not.
    Given node "m2" has the promotion rule "prefer_not"
    And the steady state holds
    When the receiver of node "m3" is stopped
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then node "m3" is promoted within 20 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: a replica without binary log is passed over and follows
    It could feed nobody. Few writes, because it is lost, and the last write
    with it, where it got one more than the replica that is promoted.
    Given the application writes 3 rows per second through "db.shop.test"
    And these settings:
      | component | key                 | value |
      | m2        | skip_log_bin        | ON    |
      | m2        | log_replica_updates | OFF   |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m3" is promoted within 15 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: a replica that does not log what it replicates is passed over and follows
    It has a binary log, but only of its own writes: what it got from the
    primary it could hand on to nobody.
    Given the application writes 3 rows per second through "db.shop.test"
    And these settings:
      | component | key                 | value |
      | m2        | log_replica_updates | OFF   |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m3" is promoted within 15 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: a delayed replica is passed over and follows
    It has everything in its relay log, and has applied nothing of it for an hour.
    Given replication to node "m2" is delayed by 60 minutes
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m3" is promoted within 15 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: a replica that logs statements wins over a preferred one that logs rows
    A server that logs statements cannot replicate from one that logs rows.
    Given these settings:
      | component | key           | value     |
      | m1        | binlog_format | STATEMENT |
      | m2        | binlog_format | STATEMENT |
      | m3        | binlog_format | ROW       |
    And node "m3" has the promotion rule "prefer"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m2" is promoted within 15 seconds
    And node "m3" replicates from node "m2" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost
