@patroni @etcd @extended
Feature: The old leader comes back with writes that nobody else has
  A leader that is cut off from etcd and from its replicas, and not from the
  application, acknowledges until it steps down. Those writes are on a timeline
  that ends with it: to follow the new leader it must give them up.

  Background:
    Given the topology "patroni-3"
    And the application writes 10 rows per second through "db.shop.test"

  Scenario: pg_rewind brings it back, when its shutdown has come to an end
    A clean stop waits until the replicas have everything, and they are out of
    reach: for wal_sender_timeout, a minute by default. It takes no writes
    meanwhile, but nobody can rewind it either.
    Given the steady state holds
    When the leader is partitioned from nodes "p2, p3, e1, e2, e3"
    Then a new leader is promoted within 45 seconds
    And the old leader stops accepting writes within 15 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And exactly 1 failover happens
    And acknowledged writes are lost
    And at no time could two nodes acknowledge writes
    When the partition is healed
    Then the old leader rejoins as a replica within 120 seconds
    And no node has errant transactions
    And a finding of the report names "the history at the end"

  Scenario: with a short wal_sender_timeout it is back in seconds
    Given these settings:
      | component  | key                | value |
      | postgresql | wal_sender_timeout | 5s    |
    And the steady state holds
    When the leader is partitioned from nodes "p2, p3, e1, e2, e3"
    Then a new leader is promoted within 45 seconds
    And acknowledged writes are lost
    When the partition is healed
    Then the old leader rejoins as a replica within 25 seconds
    And no node has errant transactions

  @slow
  Scenario: without pg_rewind it never follows, and Patroni does not say so
    It runs, its REST API says so, and it tries again every five seconds to
    stream a timeline that left its own behind it.
    Given these settings:
      | component  | key                      | value |
      | patroni    | postgresql.use_pg_rewind | false |
      | postgresql | wal_sender_timeout       | 5s    |
    And the steady state holds
    When the leader is partitioned from nodes "p2, p3, e1, e2, e3"
    Then a new leader is promoted within 45 seconds
    When the partition is healed
    Then node "p1" answers 200 to "/health" within 60 seconds
    And the old leader rejoins as a replica within 40 seconds
    And no node has errant transactions
    And a finding of the report names "p1 cannot follow"
    And a finding of the report names "use_pg_rewind: true"
    But the drill fails because "rejoins as a replica"
    And the drill fails because "errant transactions"

  Scenario: without pg_rewind, until the operator has it copied anew
    Given these settings:
      | component  | key                      | value |
      | patroni    | postgresql.use_pg_rewind | false |
      | postgresql | wal_sender_timeout       | 5s    |
    And the steady state holds
    When the leader is partitioned from nodes "p2, p3, e1, e2, e3"
    Then a new leader is promoted within 45 seconds
    When the partition is healed
    Then node "p1" answers 200 to "/health" within 60 seconds
    When the operator reinitializes node "p1"
    Then the old leader rejoins as a replica within 120 seconds
    And no node has errant transactions

  Scenario: without pg_rewind, and Patroni may throw the data away
    Given these settings:
      | component  | key                                                    | value |
      | patroni    | postgresql.use_pg_rewind                               | false |
      | patroni    | postgresql.remove_data_directory_on_diverged_timelines | true  |
      | postgresql | wal_sender_timeout                                     | 5s    |
    And the steady state holds
    When the leader is partitioned from nodes "p2, p3, e1, e2, e3"
    Then a new leader is promoted within 45 seconds
    When the partition is healed
    Then Patroni reports "creating replica"
    And 2 replicas replicate from the leader within 90 seconds
    And the old leader rejoins as a replica within 60 seconds
    And no node has errant transactions
    And no finding of the report names "cannot follow"

  Scenario: a second failover after the return
    The new leader's host is lost when the old one follows again: two
    failovers, and a timeline for each.
    Given these settings:
      | component  | key                | value |
      | postgresql | wal_sender_timeout | 5s    |
    And the steady state holds
    When the leader is partitioned from nodes "p2, p3, e1, e2, e3"
    Then a new leader is promoted within 45 seconds
    When the partition is healed
    Then the old leader rejoins as a replica within 60 seconds
    When the host of the leader is lost
    Then a new leader is promoted within 45 seconds
    And exactly 2 failovers happen
    And at no time could two nodes acknowledge writes
    And a finding of the report names "then timeline 4"
