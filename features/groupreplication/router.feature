@mysql @groupreplication
Feature: MySQL Router leads every datacenter to the primary of the group
  A Router in each datacenter asks the members twice a second who the primary
  is. It is only as good as its last answer, and as its own way to the primary.

  Background:
    Given the topology "mysql-gr-3"
    And the application writes 25 rows per second through the endpoint

  Scenario: a planned switchover
    The group waits for what runs and hands the role over. Nothing is lost, and
    writes are interrupted for as long as the Routers need to notice.
    Given the steady state holds
    When the operator requests a switchover to node "g2"
    Then node "g2" is promoted within 20 seconds
    And the proxy sends writes to the primary within 5 seconds
    And writes are interrupted for at most 5 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes
    And 2 replicas replicate from the primary within 10 seconds

  @extended
  Scenario: a planned switchover, and Routers that look every 20 seconds
    A Router that does not ask does not know: it leads to the old primary, which
    is read-only. Known to be so.
    Given these settings:
      | component | key                | value |
      | router    | metadata_cache.ttl | 20    |
    And the steady state holds
    When the operator requests a switchover to node "g2"
    Then node "g2" is promoted within 20 seconds
    And the proxy sends writes to the primary within 3 seconds
    But the drill fails because "the proxy sends writes to the primary"

  @extended
  Scenario: a Router is killed
    Its datacenter is without a way to a group that is well. The other one does
    not notice.
    Given the steady state holds
    When "mysqlrouter" on node "r1" is killed
    Then no failover happens for 8 seconds
    And writes are interrupted for at least 5 seconds
    When "mysqlrouter" on node "r1" is started
    Then the recovery time is at most 1 second for the application in datacenter "dc2"
    And the recovery time is at most 30 seconds for the application in datacenter "dc1"
    And no acknowledged write is lost

  @extended
  Scenario: a Router cannot reach the primary
    The group does not see it, and nothing fails over: one datacenter is down.
    Given the steady state holds
    When node "r1" is partitioned from node "g1"
    Then no failover happens for 8 seconds
    And writes are interrupted for at least 5 seconds
    When the partition is healed
    Then the recovery time is at most 1 second for the application in datacenter "dc2"
    And the recovery time is at most 40 seconds for the application in datacenter "dc1"
    And no acknowledged write is lost

  @extended
  Scenario: a Router waits for a primary that is silent
    The host is lost, and another primary is there in 7 seconds. A Router that
    was asking the lost one waits up to its read_timeout, 30 seconds by default,
    before it asks another. Known to be so; shorter time-outs mend it.
    Given these settings:
      | component | key                                    | value |
      | mysql     | group_replication_member_expel_timeout | 0     |
    And the steady state holds
    When the host of the primary is lost
    Then a new primary is promoted within 20 seconds
    And the proxy sends writes to the primary within 8 seconds
    But the drill fails because "the proxy sends writes to the primary"

  @extended
  Scenario: a failover with reads that must not be stale
    BEFORE_ON_PRIMARY_FAILOVER: the new primary serves nobody until it has
    applied what it had received.
    Given these settings:
      | component | key                                    | value                      |
      | mysql     | group_replication_member_expel_timeout | 0                          |
      | mysql     | group_replication_consistency          | BEFORE_ON_PRIMARY_FAILOVER |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And the proxy sends writes to the primary within 5 seconds
    And the recovery time is at most 20 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a planned switchover, and Routers that the group notifies
    The members tell the Routers over the X protocol, which must be on for that.
    Given these settings:
      | component | key                                 | value |
      | router    | metadata_cache.ttl                  | 60    |
      | router    | metadata_cache.use_gr_notifications | 1     |
      | mysql     | mysqlx                              | ON    |
    And the steady state holds
    When the operator requests a switchover to node "g2"
    Then node "g2" is promoted within 20 seconds
    And the proxy sends writes to the primary within 5 seconds
    And writes are interrupted for at most 5 seconds
    And no acknowledged write is lost
