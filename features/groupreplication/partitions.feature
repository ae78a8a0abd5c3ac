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

  @machines
  Scenario: the primary's datacenter is isolated, and rejoins by itself
    The old primary cannot commit, and the application beside it has no way to
    the new one. When it hears the others again it believes for some seconds
    that all is well, and then learns that it was expelled.
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
    And two nodes could acknowledge writes for at most 10 seconds

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
    It goes read-only by its own clock, whoever can or cannot reach it. It may
    notice a moment later than the others elect: it commits nothing then, either.
    Given these settings:
      | component | key                                            | value |
      | mysql     | group_replication_unreachable_majority_timeout | 5     |
    And the steady state holds
    When the primary is partitioned from every replica on port 33061
    Then a new primary is promoted within 20 seconds
    And the proxy sends writes to the primary within 10 seconds
    And the old primary stops accepting writes within 30 seconds
    And no acknowledged write is lost
    And two nodes could acknowledge writes for at most 3 seconds

  Scenario: a datacenter with a replica is isolated
    Given the steady state holds
    When datacenter "dc3" is isolated
    Then no failover happens for 12 seconds
    And writes are interrupted for at most 10 seconds
    When the isolation is healed
    Then 2 replicas replicate from the primary within 60 seconds
    And no acknowledged write is lost
    And no node has errant transactions

  Scenario: the majority is lost and returns, and the group stays down
    One member of three is left. It must not go on: it cannot tell a dead
    majority from one that it does not reach. But to admit those that return
    takes a majority, too: they are not let in, and give up after a minute.
    Known to be so: it takes an operator.
    Given the steady state holds
    When the host of a majority of the group is lost
    Then no failover happens for 10 seconds
    And at no time could two nodes acknowledge writes
    When the host of a majority of the group returns
    Then 2 replicas replicate from the primary within 20 seconds
    And no acknowledged write is lost
    But the drill fails because "2 replicas replicate from the primary"

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
