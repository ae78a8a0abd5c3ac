@patroni @etcd
Feature: Patroni's callbacks
  Patroni calls a script with three words: ACTION ROLE SCOPE. It says neither a
  host nor an address, does not mind how the script ends, calls it before the
  promotion is over, and kills it when the next call comes. A node that is cut
  off or dead is not called at all.

  @extended
  Scenario: a switchover calls the old leader twice and the new one once
    The role that on_stop is told is primary or demoted, whichever Patroni has it
    for at that moment: a script must not rely on it.
    Given the topology "patroni-3"
    And the steady state holds
    When the operator requests a switchover
    Then a new leader is promoted within 20 seconds
    When 12 seconds pass
    Then the callbacks on the promoted node were "on_role_change primary", in this order
    And the callbacks on the old leader were "on_stop, on_role_change replica", in this order
    And exactly 1 failover happens

  @extended
  Scenario: the callback hangs, and the next one kills it
    The old leader's first call is still waiting when its second comes: it is
    killed, and leaves no line in its log. The new leader's is not, so the name
    follows when it has waited long enough.
    Given the topology "patroni-3"
    And the steady state holds
    When the hook "patroni-on-role-change" hangs for 15 seconds
    And the operator requests a switchover
    Then a new leader is promoted within 20 seconds
    And "db.shop.test" resolves to the leader within 45 seconds
    When 12 seconds pass
    Then the callbacks on the old leader were "on_role_change replica", in this order
    And exactly 1 failover happens

  Scenario: the callback has every application's host rewrite its .env
    The new leader waits until it has left recovery, then tells the hosts of the
    applications, which rewrite the file in one step and reload.
    Given the topology "patroni-3"
    And these settings:
      | component | key                   | value               |
      | callback  | script                | patroni-env-rewrite |
      | patroni   | primary_start_timeout | 0                   |
    And the application writes 10 rows per second through ".env"
    And the steady state holds
    When "postgres" on the leader is killed
    Then a new leader is promoted within 20 seconds
    And exactly 1 failover happens
    And the recovery time is at most 30 seconds
    And at most 10 acknowledged writes are lost

  @extended
  Scenario: the callback rewrites the .env of the wrong host
    It does all it is told, and says so: the file on the database's host has the
    new address. The applications have theirs on their own hosts.
    Given the topology "patroni-3"
    And these settings:
      | component | key                   | value               |
      | callback  | script                | patroni-env-rewrite |
      | callback  | ENV_REWRITE_HOSTS     | none                |
      | patroni   | primary_start_timeout | 0                   |
    And the application writes 10 rows per second through ".env"
    And the steady state holds
    When "postgres" on the leader is killed
    Then a new leader is promoted within 20 seconds
    And the recovery time is at most 30 seconds
    When 15 seconds pass
    Then the hook "patroni-env-rewrite" failed 0 times
    And exactly 1 failover happens
    But the drill fails because "the recovery time is at most"
