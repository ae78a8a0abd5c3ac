@mysql @orchestrator @extended
Feature: What a failover leaves behind that no one asked for
  A promotion that was cancelled half way, and an old primary that takes writes
  again: each as it is, and again with what mends it.

  Background:
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"

  Scenario: a promotion is cancelled after the other replicas were moved
    The replica elsewhere is chosen, fed with the others, and then refused for
    its datacenter. Nobody takes writes, and Orchestrator does not try again.
    Given these settings:
      | component    | key                                  | value |
      | orchestrator | PreventCrossDataCenterMasterFailover | true  |
    And node "m2" has the promotion rule "must_not"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then Orchestrator counts the recovery as a failure
    And a finding of the report names "the promotion of m3 was cancelled after m2 had been moved under it"
    And a new primary is promoted within 10 seconds
    But the drill fails because "a new primary is promoted"

  Scenario: a failover that must stay in its datacenter finds a candidate there
    Servers are looked at every five seconds, as by default: each look at one
    that dies meanwhile may make Orchestrator forget in which datacenter it was.
    Given these settings:
      | component    | key                                  | value |
      | orchestrator | PreventCrossDataCenterMasterFailover | true  |
      | orchestrator | InstancePollSeconds                  | 5     |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m2" is promoted within 30 seconds
    And Orchestrator counts the recovery as a success
    And node "m3" replicates from node "m2" within 15 seconds
    And at most 5 acknowledged writes are lost
    And no finding of the report names "cancelled"

  Scenario: an old primary that starts writable takes writes again
    Orchestrator asks it once to be read-only, while it is down.
    Given these settings:
      | component | key             | value |
      | m1        | read_only       | OFF   |
      | m1        | super_read_only | OFF   |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    When 8 seconds pass
    And "mysqld" on the old primary is started
    And 5 seconds pass
    Then at no time could two nodes acknowledge writes
    And a finding of the report names "super_read_only=ON in my.cnf of m1"
    But the drill fails because "two nodes acknowledge writes"

  Scenario: an old primary that starts read-only takes no write
    Given these settings:
      | component | key             | value |
      | m1        | read_only       | ON    |
      | m1        | super_read_only | ON    |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    When 8 seconds pass
    And "mysqld" on the old primary is started
    And 5 seconds pass
    Then at no time could two nodes acknowledge writes
    And exactly 1 failover happens
    And no finding of the report names "my.cnf"
