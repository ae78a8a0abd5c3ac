@mysql @orchestrator
Feature: HAProxy in front of MySQL
  HAProxy knows nothing of MySQL's roles. A health check on every server says
  whether it takes writes, and the proxy sends to whoever says so: once a second
  it asks, two failures take a server out, one success brings it in.

  Background:
    Given the topology "mysql-haproxy"
    And the application writes 50 rows per second through "proxy.shop.test"

  Scenario: mysqld on the primary is killed, and the proxy finds the new one
    Given the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And the proxy sends writes to the primary within 5 seconds
    And the recovery time is at most 15 seconds
    And at most 5 acknowledged writes are lost
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: the host of the primary is lost, and comes back read-only
    A check that is not answered takes two time-outs; the promotion takes
    longer. The old primary comes back with read_only in its configuration, and
    stays out.
    Given the steady state holds
    When the host of the primary is lost
    Then a new primary is promoted within 30 seconds
    And the proxy sends writes to the primary within 5 seconds
    And the recovery time is at most 35 seconds
    And at most 5 acknowledged writes are lost
    When the host of the old primary returns
    And 5 seconds pass
    Then at no time could two nodes acknowledge writes
    And exactly 1 failover happens

  @extended
  Scenario: the old primary comes back writable, and the proxy sends to both
    Without read_only in its configuration a restarted server takes writes, and
    says so to the check. The proxy has two servers that are up and spreads the
    connections: half of what is acknowledged lands where nobody replicates
    from.
    Given these settings:
      | component | key             | value |
      | m1        | read_only       | OFF   |
      | m1        | super_read_only | OFF   |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And the proxy sends writes to the primary within 5 seconds
    When 5 seconds pass
    And "mysqld" on the old primary is started
    And 5 seconds pass
    Then at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"
    And the drill fails because "the proxy sends writes to the primary"

  @extended
  Scenario: a switchover, and connections that were kept open follow
    A demoted primary closes nothing: whoever has a connection keeps it, and is
    told that the server is read-only. The proxy shuts the sessions down when
    the check fails (on-marked-down shutdown-sessions).
    Given the application keeps a connection open through "proxy.shop.test"
    And the steady state holds
    When the operator requests a switchover to node "m2"
    Then node "m2" is promoted within 15 seconds
    And the proxy sends writes to the primary within 5 seconds
    And the connections kept open lead to the primary within 5 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a switchover, and connections that were kept open stay behind
    New connections find the new primary within a second or two. A pool does not
    notice, because its connections work.
    Given these settings:
      | component | key            | value |
      | haproxy   | on-marked-down | none  |
    And the application keeps a connection open through "proxy.shop.test"
    And the steady state holds
    When the operator requests a switchover to node "m2"
    Then node "m2" is promoted within 15 seconds
    And the proxy sends writes to the primary within 5 seconds
    And the connections kept open lead to the primary within 10 seconds
    But the drill fails because "connections kept open"

  @extended
  Scenario: the health check dies, and a healthy primary is taken out
    Nothing is wrong with the database, so Orchestrator does nothing. To the
    proxy a check that is refused is a server that is down, and it has no other.
    Given the steady state holds
    When "mysql-check" on the primary is killed
    Then no failover happens for 6 seconds
    And writes are interrupted for at most 3 seconds
    When "mysql-check" on the primary is started
    Then the recovery time is at most 25 seconds
    But the drill fails because "writes are interrupted"
