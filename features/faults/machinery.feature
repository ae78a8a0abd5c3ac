@mysql @orchestrator @faults
Feature: The failover machinery itself is broken
  A promotion is worth nothing to an application whose name does not follow.
  Orchestrator takes no notice of a hook that fails after the promotion, and
  nobody runs it again.

  Background:
    Given the topology "mysql-3"
    And the steady state holds

  Scenario: the hook fails
    When the hook "orchestrator-post-failover" fails
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And the hook "orchestrator-post-failover" failed 1 time
    And "db.shop.test" resolves to the old primary within 5 seconds in every datacenter

  @extended
  Scenario: the DNS API answers 500 for a while, and the hook tries again
    When the DNS API answers 500
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And "db.shop.test" resolves to the old primary within 5 seconds in every datacenter
    When 2 seconds pass
    And the DNS API works again
    Then "db.shop.test" resolves to the promoted node within 10 seconds in every datacenter
    And the hook "orchestrator-post-failover" ran once
    And the hook "orchestrator-post-failover" failed 0 times

  @extended
  Scenario: the hook does nothing, and says that all is well
    When the hook "orchestrator-post-failover" does nothing
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And the hook "orchestrator-post-failover" ran once
    And the hook "orchestrator-post-failover" failed 0 times
    And "db.shop.test" resolves to the old primary within 5 seconds in every datacenter

  @extended
  Scenario: the hook hangs, and the name follows late
    When the hook "orchestrator-post-failover" hangs for 10 seconds
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And "db.shop.test" resolves to the old primary within 2 seconds in every datacenter
    And "db.shop.test" resolves to the promoted node within 20 seconds in every datacenter
    And the hook "orchestrator-post-failover" ran once
    And the hook "orchestrator-post-failover" failed 0 times

  @extended
  Scenario: the DNS API refuses the token
    The hook does not try again: a token that was refused is refused again.
    When the DNS API answers 401
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And the hook "orchestrator-post-failover" failed 1 time
    When the DNS API works again
    And 5 seconds pass
    Then "db.shop.test" resolves to the old primary within 5 seconds in every datacenter

  @extended
  Scenario: the DNS API asks for patience
    The hook waits for as long as it is asked to, though the API is well again.
    When the DNS API answers 429 and asks to retry after 10 seconds
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    When 2 seconds pass
    And the DNS API works again
    Then "db.shop.test" resolves to the old primary within 2 seconds in every datacenter
    And "db.shop.test" resolves to the promoted node within 20 seconds in every datacenter
    And the hook "orchestrator-post-failover" ran once
    And the hook "orchestrator-post-failover" failed 0 times

  @extended
  Scenario: the DNS API accepts the change and does not serve it
    When the DNS API accepts changes and does not serve them
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And the hook "orchestrator-post-failover" ran once
    And the hook "orchestrator-post-failover" failed 0 times
    And "db.shop.test" resolves to the old primary within 5 seconds in every datacenter
    When the DNS API works again
    Then "db.shop.test" resolves to the promoted node within 5 seconds in every datacenter

  @extended
  Scenario: the DNS API does not answer
    The hook gives up after its 30 seconds.
    When the DNS API is unreachable
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 20 seconds
    And the hook "orchestrator-post-failover" failed 1 time
    And "db.shop.test" resolves to the old primary within 5 seconds in every datacenter
