@patroni @etcd @faults
Feature: Patroni's callback is broken

  @extended
  Scenario: the callback fails, and the name does not follow
    Given the topology "patroni-3"
    And the steady state holds
    When the hook "patroni-on-role-change" fails
    And the host of the leader is lost
    Then a new leader is promoted within 45 seconds
    And the hook "patroni-on-role-change" failed 1 time
    And "db.shop.test" resolves to the old leader within 5 seconds in every datacenter
    When the hook "patroni-on-role-change" works again
    And the host of the old leader returns
    Then the promoted node is not node "p1"
