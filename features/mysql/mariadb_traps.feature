@mysql @orchestrator @extended
Feature: What Orchestrator calls a success on MariaDB, and a business does not
  The appliers stand still (somebody stopped them, or a backup's lock holds
  them) while the receivers go on: every replica has each write, in its relay
  log. On MySQL Orchestrator has those applied before it promotes. On MariaDB
  it stops both threads, and a replica with GTIDs whose both threads were
  stopped throws its relay logs away.

  Background:
    Given the topology "mariadb-3"
    And the application writes 50 rows per second through "db.shop.test"

  Scenario: what is only in the relay logs is lost
    Given the steady state holds
    When the applier of every replica is stopped
    And 3 seconds pass
    And "mariadbd" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And exactly 1 failover happens
    And Orchestrator counts the recovery as a success
    And a finding of the report names "orchestrator-apply-relay-logs"
    And at most 5 acknowledged writes are lost
    But the drill fails because "at most 5 acknowledged writes are lost"

  Scenario: a hook before the failover has the relay logs applied
    It has Orchestrator start replication on each replica, while the receivers
    still run, and waits for the appliers.
    Given these settings:
      | component    | key                  | value                                                                            |
      | orchestrator | PreFailoverProcesses | ["/usr/local/lib/firedrill-hooks/orchestrator-apply-relay-logs {replicaHosts}"] |
    And the steady state holds
    When the applier of every replica is stopped
    And 3 seconds pass
    And "mariadbd" on the primary is killed
    Then a new primary is promoted within 30 seconds
    And the hook "orchestrator-apply-relay-logs" ran once
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost
    And no finding of the report names "thrown away"

  Scenario: DelayMasterPromotionIfSQLThreadNotUpToDate saves nothing on MariaDB
    It waits for an applier, and nobody starts one. When a person does, the
    relay logs go: both threads were stopped.
    Given these settings:
      | component    | key                                        | value |
      | orchestrator | DelayMasterPromotionIfSQLThreadNotUpToDate | true  |
    And the steady state holds
    When the applier of every replica is stopped
    And 3 seconds pass
    And "mariadbd" on the primary is killed
    And 6 seconds pass
    And replication on every replica is started
    Then a new primary is promoted within 40 seconds
    And exactly 1 failover happens
    And a finding of the report names "orchestrator-apply-relay-logs"
    And at most 5 acknowledged writes are lost
    But the drill fails because "at most 5 acknowledged writes are lost"

  Scenario: FailMasterPromotionIfSQLThreadNotUpToDate gives an outage in place of the loss
    Nobody is promoted, and what the replicas threw away is still on the disk of
    the old primary: whoever starts that one loses nothing, and waits for it.
    Given these settings:
      | component    | key                                       | value |
      | orchestrator | FailMasterPromotionIfSQLThreadNotUpToDate | true  |
    And the steady state holds
    When the applier of every replica is stopped
    And 3 seconds pass
    And "mariadbd" on the primary is killed
    Then no failover happens for 8 seconds
    And Orchestrator counts the recovery as a failure
    And the hook "PostUnsuccessfulFailover" ran once
    And the hook "PostMasterFailover" did not run
    And no acknowledged write is lost

  Scenario: an errant transaction on a MariaDB replica goes unnoticed
    Orchestrator compares GTID sets, which MariaDB does not have: it reports no
    errant transaction, ever. What each server wrote last is in its
    gtid_binlog_state, by which the drill tells.
    Given the steady state holds
    When an errant transaction is written on node "m2"
    And 4 seconds pass
    Then node "m2" replicates within 5 seconds
    And no failover happens for 1 second
    And no node has errant transactions
    But the drill fails because "no node has errant transactions"

  Scenario: gtid_strict_mode stops the replica with an errant transaction, and another is promoted
    Given these settings:
      | component | key              | value |
      | mariadb   | gtid_strict_mode | ON    |
    And the steady state holds
    When an errant transaction is written on node "m2"
    Then node "m2" stops replicating within 10 seconds
    When "mariadbd" on the primary is killed
    Then node "m3" is promoted within 20 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost
