@patroni @etcd
Feature: What a NodeBalancer's health check costs
  HAProxy checks every node as a NodeBalancer would: GET /primary, so often
  (inter), so many good ones until a node is used (rise), so many bad ones until
  it is not (fall). The bound counts from the promotion. The application writes
  directly, too: the report has the recovery time of either way.

  Background:
    Given the topology "patroni-3"
    And the application writes 10 rows per second through "direct"
    And the application writes 10 rows per second through "proxy.shop.test"

  @extended
  Scenario: a switchover at 5 seconds, 2 good, 3 bad
    Until the third bad check of the old leader, connections still go there, and
    are told that it is read-only.
    Given the steady state holds
    When the operator requests a switchover
    Then a new leader is promoted within 20 seconds
    And the proxy sends writes to the leader within 25 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a switchover at 2 seconds, 1 good, 2 bad
    Given these settings:
      | component | key   | value |
      | haproxy   | inter | 2s    |
      | haproxy   | rise  | 1     |
      | haproxy   | fall  | 2     |
    And the steady state holds
    When the operator requests a switchover
    Then a new leader is promoted within 20 seconds
    And the proxy sends writes to the leader within 8 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a switchover at 500 milliseconds, 1 good, 1 bad
    One check that is late takes the leader away from everybody; that is the
    price of it.
    Given these settings:
      | component | key           | value |
      | haproxy   | inter         | 500ms |
      | haproxy   | rise          | 1     |
      | haproxy   | fall          | 1     |
      | haproxy   | timeout check | 2s    |
    And the steady state holds
    When the operator requests a switchover
    Then a new leader is promoted within 20 seconds
    And the proxy sends writes to the leader within 5 seconds
    And no acknowledged write is lost

  @extended
  Scenario: the leader dies at 5 seconds, 2 good, 3 bad
    Given these settings:
      | component | key                   | value |
      | patroni   | primary_start_timeout | 0     |
    And the steady state holds
    When "postgres" on the leader is killed
    Then a new leader is promoted within 20 seconds
    And the proxy sends writes to the leader within 25 seconds
    And at most 10 acknowledged writes are lost

  @extended
  Scenario: a switchover, and a pool that came back too early is sent away
    The old leader's restart breaks every connection. For the seconds until the
    proxy notices, a pool that connects anew gets the old leader again, which is
    a replica now. When its check fails the proxy shuts the sessions down.
    Given the application keeps a connection open through "proxy.shop.test"
    And the steady state holds
    When the operator requests a switchover
    Then a new leader is promoted within 20 seconds
    And the proxy sends writes to the leader within 35 seconds
    And the connections kept open lead to the leader within 40 seconds
    And exactly 1 failover happens
