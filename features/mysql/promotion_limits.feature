@mysql @orchestrator @extended
Feature: What keeps Orchestrator from promoting a replica
  Borders, lag and what is received and not yet applied: each has a setting
  that stops a failover, and what it then leaves behind is part of the drill.

  Background:
    Given the topology "mysql-3"

  Scenario: a failover stays in its datacenter although the far replica is preferred and has more
    The near one is brought up to date from the far one, and promoted. Servers
    are looked at every five seconds, as by default: each look at one that dies
    meanwhile may make Orchestrator forget in which datacenter it was.
    Given the application writes 50 rows per second through "db.shop.test"
    And these settings:
      | component    | key                                  | value |
      | orchestrator | PreventCrossDataCenterMasterFailover | true  |
      | orchestrator | InstancePollSeconds                  | 5     |
    And node "m3" has the promotion rule "prefer"
    And the steady state holds
    When the receiver of node "m2" is stopped
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then node "m2" is promoted within 30 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And node "m3" replicates from node "m2" within 15 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: no replica may be promoted
    Given node "m2" has the promotion rule "must_not"
    And node "m3" has the promotion rule "must_not"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then Orchestrator reports "DeadMaster"
    And Orchestrator counts the recovery as a failure
    And no failover happens for 8 seconds

  Scenario: every replica lags a second more than a promotion may
    As Orchestrator's own tests have it: the lag is what a query says. The other
    replica has been moved below the one that was not promoted, and stays there.
    Given these settings:
      | component    | key                             | value     |
      | orchestrator | ReplicationLagQuery             | select 61 |
      | orchestrator | FailMasterPromotionOnLagMinutes | 1         |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then Orchestrator reports "DeadMaster"
    And Orchestrator counts the recovery as a failure
    And no failover happens for 8 seconds
    And the hook "PostMasterFailover" did not run
    And the hook "PostUnsuccessfulFailover" ran once
    And node "m3" replicates from node "m2" within 5 seconds

  Scenario: every replica lags a second less than a promotion may
    Given the application writes 50 rows per second through "db.shop.test"
    And these settings:
      | component    | key                             | value     |
      | orchestrator | ReplicationLagQuery             | select 59 |
      | orchestrator | FailMasterPromotionOnLagMinutes | 1         |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And exactly 1 failover happens
    And 1 replica replicates from the primary within 15 seconds

  Scenario: what was received and not applied is applied before the promotion
    Orchestrator starts the appliers again and waits for them, up to ten seconds.
    Given the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When the applier of every replica is stopped
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: what was received is applied although a promotion without it would fail
    The switch stops a promotion only if the appliers, started again, cannot
    finish in time: it costs nothing where they can.
    Given the application writes 50 rows per second through "db.shop.test"
    And these settings:
      | component    | key                                       | value |
      | orchestrator | FailMasterPromotionIfSQLThreadNotUpToDate | true  |
    And the steady state holds
    When the applier of every replica is stopped
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And Orchestrator counts the recovery as a success
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: what was received is applied although a promotion without it would wait
    Given the application writes 50 rows per second through "db.shop.test"
    And these settings:
      | component    | key                                        | value |
      | orchestrator | DelayMasterPromotionIfSQLThreadNotUpToDate | true  |
    And the steady state holds
    When the applier of every replica is stopped
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And Orchestrator counts the recovery as a success
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: a lost replica is left where it was
    It has more than the promoted one and cannot follow it. Not detached, it
    has its old source still, and goes back there once somebody starts it. The
    setting has an old name, too, and is off only when both are.
    Given the application writes 50 rows per second through "db.shop.test"
    And these settings:
      | component    | key                                   | value |
      | orchestrator | DetachLostReplicasAfterMasterFailover | false |
      | orchestrator | DetachLostSlavesAfterMasterFailover   | false |
    And node "m2" has the promotion rule "must_not"
    And the steady state holds
    When the receiver of node "m3" is stopped
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then node "m3" is promoted within 20 seconds
    And Orchestrator counts the recovery as a success
    And acknowledged writes are lost
    And a finding of the report names "prefer_not in place of must_not for m2"
    When 3 seconds pass
    Then node "m2" is not detached from its source

  Scenario: a lost replica is detached
    The name of its source is kept, so that it can be brought back, and it does
    not go back to the old primary.
    Given the application writes 50 rows per second through "db.shop.test"
    And node "m2" has the promotion rule "must_not"
    And the steady state holds
    When the receiver of node "m3" is stopped
    And 3 seconds pass
    And "mysqld" on the primary is killed
    Then node "m3" is promoted within 20 seconds
    And acknowledged writes are lost
    And node "m2" is detached from its source within 10 seconds
    When "mysqld" on the old primary is started
    And 5 seconds pass
    Then node "m2" is detached from its source within 1 second
