@mysql @orchestrator
Feature: How Orchestrator tells that the primary is lost
  It believes two witnesses: its own look at the primary, and the replicas that
  lose their source. What they say together decides between a failover and none.

  Background:
    Given the topology "mysql-3"

  @extended
  Scenario: the primary and one replica die together
    The replica that is left is enough of a witness, and takes over alone.
    Given the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When at once:
      | "mysqld" on the primary is killed |
      | "mysqld" on node "m2" is killed   |
    Then node "m3" is promoted within 20 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And Orchestrator reports "DeadMasterAndSomeReplicas"
    And exactly 1 failover happens
    And the recovery time is at most 20 seconds
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: the primary and all its replicas die together
    There is nobody to promote: Orchestrator says so, and begins nothing.
    Given the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When at once:
      | "mysqld" on the primary is killed     |
      | "mysqld" on every replica is killed   |
    Then Orchestrator reports "DeadMasterAndReplicas"
    And no failover happens for 10 seconds
    And writes are interrupted for at least 10 seconds
    And the hook "PreFailover" did not run
    When "mysqld" on the old primary is started
    Then no failover happens for 3 seconds

  @extended
  Scenario: no replica reaches the primary, but Orchestrator does
    The primary serves its clients, so it stays; but every replica goes stale,
    and only the report says so.
    Given the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When every replica cannot reach the primary on port 3306
    Then Orchestrator reports "AllMasterReplicasNotReplicating"
    And no failover happens for 10 seconds
    And the hook "PreFailover" did not run
    When the partition is healed
    Then every replica replicates from node "m1" within 15 seconds
    And exactly 0 failovers happen
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost

  @extended
  Scenario: replication is stopped on every replica
    Given the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When replication on every replica is stopped
    Then Orchestrator reports "AllMasterReplicasNotReplicating"
    And no failover happens for 8 seconds
    And the hook "OnFailureDetection" ran once
    And the hook "PreFailover" did not run
    And writes are interrupted for at most 4 seconds
    When replication on every replica is started
    Then every replica replicates from node "m1" within 10 seconds
    And exactly 0 failovers happen
    And no acknowledged write is lost

  @extended
  Scenario: the primary dies while replication is stopped on every replica
    Stopped replicas cannot vouch for the primary: Orchestrator's own first
    failed look is enough. What was written meanwhile never left the primary,
    and the failover that Orchestrator calls a success throws it away.
    Given the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When replication on every replica is stopped
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And Orchestrator reports "DeadMaster"
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost
    But the drill fails because "acknowledged writes are lost"

  @extended
  Scenario: the primary hangs, and MySQL's own time-outs are in force
    A replica that waits for its source does not see that it hangs: for 60
    seconds (replica_net_timeout) both receivers look well, and their word
    stands against Orchestrator's. So there is no failover at all meanwhile.
    Given these settings:
      | component | key                 | value |
      | mysql     | replica_net_timeout | 60    |
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is frozen
    Then Orchestrator reports "UnreachableMaster"
    And no failover happens for 20 seconds
    And writes are interrupted for at least 20 seconds
    And Orchestrator does not report "DeadMaster"
    When "mysqld" on the primary is resumed
    Then no failover happens for 5 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the primary hangs, and a heartbeat measures how far the replicas are behind
    With a heartbeat (here the application's own rows) a hang shows as lag.
    Orchestrator then has the receivers reconnect, which fails, and so makes of
    its doubt a DeadMaster, long before MySQL's own time-out.
    Given these settings:
      | component    | key                          | value                                                               |
      | mysql        | replica_net_timeout          | 60                                                                  |
      | orchestrator | ReplicationLagQuery          | select timestampdiff(second, max(at), now()) from firedrill.ledger |
      | orchestrator | ReasonableReplicationLagSeconds | 5                                                                |
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on the primary is frozen
    Then Orchestrator reports "UnreachableMasterWithLaggingReplicas"
    And a new primary is promoted within 45 seconds
    And Orchestrator reports "DeadMaster"
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And the recovery time is at most 45 seconds
    And at most 5 acknowledged writes are lost

  @extended
  Scenario: replicas lag, and only Orchestrator cannot reach the primary
    It has the receivers reconnect to learn whether the primary lives. It does,
    so they go on, and nothing is moved.
    Given these settings:
      | component    | key                             | value     |
      | orchestrator | ReplicationLagQuery             | select 61 |
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When the primary is partitioned from every Orchestrator
    Then Orchestrator reports "UnreachableMasterWithLaggingReplicas"
    And no failover happens for 12 seconds
    And every replica replicates from node "m1" within 5 seconds
    And writes are interrupted for at most 4 seconds
    And no acknowledged write is lost
