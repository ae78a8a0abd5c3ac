@mysql @groupreplication @extended
Feature: A MySQL replication group is cut in two
  Only a majority commits and elects. What the minority does with itself is a
  setting: by default it waits for ever, and hangs whoever writes to it.

  Background:
    Given the topology "mysql-gr-3"
    And the application writes 25 rows per second through "db.shop.test"
    And these settings:
      | component | key                                    | value |
      | mysql     | group_replication_member_expel_timeout | 0     |
      | router    | DEFAULT.connect_timeout                | 1     |
      | router    | DEFAULT.read_timeout                   | 1     |

  Scenario: the primary's datacenter is isolated, and rejoins by itself
    The old primary cannot commit, and learns that it was expelled when it is
    heard again. The application beside it has no way to the new one.
    Given the steady state holds
    When datacenter "dc1" is isolated
    Then a new primary is promoted within 20 seconds
    And the recovery time is at most 25 seconds for the application in datacenter "dc2"
    When 5 seconds pass
    And the isolation is healed
    Then the old primary rejoins as a replica within 60 seconds
    And exactly 1 failover happens
    And no acknowledged write is lost
    And no node has errant transactions
    And at no time could two nodes acknowledge writes

  Scenario: a primary in the minority says for ever that it takes writes
    group_replication_unreachable_majority_timeout is 0 by default: read_only
    stays off, and a health check that looks at it is deceived. Known to be so.
    Given the steady state holds
    When the primary is partitioned from every replica on port 33061
    Then a new primary is promoted within 20 seconds
    And the proxy sends writes to the primary within 10 seconds
    And no acknowledged write is lost
    And the old primary stops accepting writes within 30 seconds
    But the drill fails because "the old primary stops accepting writes"

  Scenario: a primary in the minority gives up in time
    It goes read-only by its own clock, whoever can or cannot reach it.
    Given these settings:
      | component | key                                            | value |
      | mysql     | group_replication_unreachable_majority_timeout | 5     |
    And the steady state holds
    When the primary is partitioned from every replica on port 33061
    Then a new primary is promoted within 20 seconds
    And the proxy sends writes to the primary within 10 seconds
    And the old primary stops accepting writes within 30 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: a primary in the minority ends itself
    exit_state_action is taken when the member no longer tries to rejoin by
    itself, which by default it does for a quarter of an hour: so that it is
    taken, autorejoin_tries is 0 here.
    Given these settings:
      | component | key                                            | value        |
      | mysql     | group_replication_unreachable_majority_timeout | 5            |
      | mysql     | group_replication_autorejoin_tries             | 0            |
      | mysql     | group_replication_exit_state_action            | ABORT_SERVER |
    And the steady state holds
    When the primary is partitioned from every replica on port 33061
    Then a new primary is promoted within 20 seconds
    And the old primary stops accepting writes within 30 seconds
    And exactly 1 failover happens
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: a datacenter with a replica is isolated
    Given the steady state holds
    When datacenter "dc3" is isolated
    Then no failover happens for 12 seconds
    And writes are interrupted for at most 10 seconds
    When the isolation is healed
    Then 2 replicas replicate from the primary within 60 seconds
    And no acknowledged write is lost
    And no node has errant transactions

  Scenario: the majority is lost, and nobody is elected
    One member of three is left. It must not go on: it cannot tell a dead
    majority from one that it does not reach.
    Given the steady state holds
    When the host of a majority of the group is lost
    Then no failover happens for 15 seconds
    And writes are interrupted for at least 10 seconds
    When the host of a majority of the group returns
    Then 2 replicas replicate from the primary within 90 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: the majority is lost, and the operator goes on with what is left
    group_replication_force_members, by hand. It is the operator's word that the
    others are gone.
    Given the steady state holds
    When the host of a majority of the group is lost
    And 12 seconds pass
    And the operator forces a failover
    Then no failover happens for 5 seconds
    And the recovery time is at most 60 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: the primary loses one of its replicas, which sees the other one
    Half a partition: g1 and g2 do not hear each other, g3 hears both.
    Given the steady state holds
    When node "g1" is partitioned from node "g2"
    And 15 seconds pass
    And the partition is healed
    Then 2 replicas replicate from the primary within 90 seconds
    And no acknowledged write is lost
    And no node has errant transactions
    And at no time could two nodes acknowledge writes
