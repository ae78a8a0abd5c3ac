@mysql @orchestrator @extended
Feature: The name behind caching resolvers
  The hook changes the record within a moment of the promotion. Applications
  hear of it when the resolver of their datacenter asks again: at worst a whole
  TTL later, which is then the greater part of the outage.

  Background:
    Given the topology "mysql-resolvers"
    And the application writes 50 rows per second through "db.shop.test"

  Scenario: a TTL of 30 seconds, at the worst moment
    Given these settings:
      | component | key | value |
      | dns       | ttl | 30    |
    And the steady state holds
    When "db.shop.test" has just been cached in every datacenter
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "db.shop.test" resolves to the primary within 35 seconds
    And the recovery time is at most 45 seconds
    And the hook "orchestrator-post-failover" ran once
    And exactly 1 failover happens

  Scenario: a TTL of 30 seconds does not keep a promise of 5
    Given these settings:
      | component | key | value |
      | dns       | ttl | 30    |
    And the steady state holds
    When "db.shop.test" has just been cached in every datacenter
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    But the drill fails because "resolves to the primary within 5 seconds"

  Scenario: resolvers that keep nothing for longer than 5 seconds
    The Linode API accepts no TTL below 30 seconds, so the cap is the
    resolvers' own (max_ttl; cache-max-ttl in unbound). Most of the 5 seconds
    are over by the time a server is promoted.
    Given these settings:
      | component | key     | value |
      | resolver  | max_ttl | 5     |
    And the steady state holds
    When "db.shop.test" has just been cached in every datacenter
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "db.shop.test" resolves to the primary within 8 seconds
    And the recovery time is at most 20 seconds
    And the hook "orchestrator-post-failover" ran once

  Scenario: a TTL of 5 seconds is asked for, and the Linode API makes 30 of it
    The API rounds up to a value that it keeps, and says nothing. Who relies on
    the 5 seconds finds out in the failover.
    Given these settings:
      | component | key | value |
      | dns       | ttl | 5     |
    And the steady state holds
    When "db.shop.test" has just been cached in every datacenter
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And "db.shop.test" resolves to the primary within 10 seconds
    But the drill fails because "resolves to the primary within 10 seconds"
