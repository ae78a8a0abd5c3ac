@mysql @orchestrator
Feature: Who may do what at Orchestrator's API
  Its API fails a cluster over, so whoever reaches it can. Every mode is tried
  from the application's hosts, and must leave the automatic failover alone.

  Background:
    Given the topology "mysql-3"
    And the application writes 20 rows per second through "db.shop.test"

  @extended
  Scenario: without authentication, everybody may do everything
    Given the steady state holds
    Then an anonymous client can read from Orchestrator
    And an anonymous client can write to Orchestrator
    And an anonymous load balancer can check Orchestrator
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds

  @extended
  Scenario: a read-only Orchestrator takes no orders, and fails over all the same
    It does not even look at a server because it is told to: it finds the
    servers of its own list of seeds.
    Given these settings:
      | component    | key      | value |
      | orchestrator | ReadOnly | true  |
    And the steady state holds
    Then an anonymous client can read from Orchestrator
    And an anonymous client cannot write to Orchestrator
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens

  @extended
  Scenario: basic authentication keeps everybody out, load balancers too
    A health check without credentials is refused, so that no Orchestrator
    seems to lead.
    Given these settings:
      | component    | key                  | value  |
      | orchestrator | AuthenticationMethod | basic  |
      | orchestrator | HTTPAuthUser         | dba    |
      | orchestrator | HTTPAuthPassword     | rescue |
    And the steady state holds
    Then an anonymous client cannot read from Orchestrator
    And an anonymous client cannot write to Orchestrator
    And an anonymous load balancer cannot check Orchestrator
    And a client as "dba:wrong" cannot read from Orchestrator
    And a client as "readonly:anything" cannot read from Orchestrator
    And a client as "dba:rescue" can read from Orchestrator
    And a client as "dba:rescue" can write to Orchestrator
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And exactly 1 failover happens

  @extended
  Scenario: multi authentication lets readonly in, with any password
    Given these settings:
      | component    | key                  | value  |
      | orchestrator | AuthenticationMethod | multi  |
      | orchestrator | HTTPAuthUser         | dba    |
      | orchestrator | HTTPAuthPassword     | rescue |
    And the steady state holds
    Then an anonymous client cannot read from Orchestrator
    And an anonymous load balancer cannot check Orchestrator
    And a client as "dba:wrong" cannot read from Orchestrator
    And a client as "readonly:anything" can read from Orchestrator
    And a client as "readonly:anything" cannot write to Orchestrator
    And a client as "dba:rescue" can write to Orchestrator
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And exactly 1 failover happens

  @extended
  Scenario: behind a proxy, reading is open and the header is believed
    Whoever reaches the port itself, and not only the proxy, may set the header
    and be the DBA.
    Given these settings:
      | component    | key                  | value            |
      | orchestrator | AuthenticationMethod | proxy            |
      | orchestrator | AuthUserHeader       | X-Forwarded-User |
      | orchestrator | PowerAuthUsers       | ["dba"]          |
    And the steady state holds
    Then an anonymous client can read from Orchestrator
    And an anonymous client cannot write to Orchestrator
    And a client as "X-Forwarded-User: joe" cannot write to Orchestrator
    And an anonymous load balancer can check Orchestrator
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And exactly 1 failover happens
    And a client as "X-Forwarded-User: dba" cannot write to Orchestrator
    But the drill fails because "X-Forwarded-User: dba"

  @extended
  Scenario: a mode of authentication that does not exist opens everything
    Orchestrator takes a mistyped mode for none, without a word, although user
    and password are set.
    Given these settings:
      | component    | key                  | value  |
      | orchestrator | AuthenticationMethod | basics |
      | orchestrator | HTTPAuthUser         | dba    |
      | orchestrator | HTTPAuthPassword     | rescue |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And an anonymous client cannot write to Orchestrator
    But the drill fails because "cannot write to Orchestrator"
