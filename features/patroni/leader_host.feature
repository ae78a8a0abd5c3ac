@patroni @etcd @extended
Feature: The host of the leader is lost, or lacks what it needs
  A lost host costs the time to live of the leader's key. A host that is there
  and of no use costs whatever time a person takes to notice, unless PostgreSQL
  ends over it.

  Background:
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"

  Scenario: the host of the leader is lost, at Patroni's own times
    The twin of the drill of the lost host in leader_loss.feature, with ttl 30,
    loop_wait 10 and retry_timeout 10: a few seconds more, since 20 is the
    least that Patroni allows for the ttl.
    Given these settings:
      | component | key           | value |
      | patroni   | ttl           | 30    |
      | patroni   | loop_wait     | 10    |
      | patroni   | retry_timeout | 10    |
    And the steady state holds
    When the host of the leader is lost
    Then a new leader is promoted within 60 seconds
    And exactly 1 failover happens
    And the recovery time is at most 65 seconds
    And at most 10 acknowledged writes are lost
    When the host of the old leader returns
    Then the old leader rejoins as a replica within 90 seconds
    And at no time could two nodes acknowledge writes

  Scenario: the host of the leader is rebooted, and is quicker than the key
    The key still names it when its Patroni is back: PostgreSQL is started as a
    replica and promoted again, on a new timeline, and nobody else is.
    Given the steady state holds
    When the host of the leader is rebooted and is back after 3 seconds
    Then no failover happens for 30 seconds
    And the recovery time is at most 40 seconds
    And 2 replicas replicate from the leader within 60 seconds
    And no acknowledged write is lost

  Scenario: the host of the leader is rebooted, and the key is gone
    Given the steady state holds
    When the host of the leader is rebooted and is back after 45 seconds
    Then a new leader is promoted within 40 seconds
    And exactly 1 failover happens
    And the recovery time is at most 60 seconds
    And at most 10 acknowledged writes are lost
    And the old leader rejoins as a replica within 90 seconds
    And at no time could two nodes acknowledge writes

  @slow
  Scenario: the leader and then its successor are lost
    Given the steady state holds
    When the host of the leader is lost
    Then a new leader is promoted within 40 seconds
    When 5 seconds pass
    And the host of the promoted node is lost
    And 40 seconds pass
    Then exactly 2 failovers happen
    And the recovery time is at most 2 minutes
    And at most 20 acknowledged writes are lost
    When all faults are healed
    Then 2 replicas replicate from the leader within 90 seconds
    And at no time could two nodes acknowledge writes

  Scenario: the leader runs out of memory
    The kernel kills the postmaster, and Patroni starts it again where it was.
    Given the steady state holds
    When the leader runs out of memory
    Then no failover happens for 25 seconds
    And the recovery time is at most 20 seconds
    When the leader has memory again
    Then 2 replicas replicate from the leader within 60 seconds
    And no acknowledged write is lost

  Scenario: the disk of the leader is full, and nobody is promoted
    An INSERT that needs a new page fails, and PostgreSQL lives on: Patroni sees
    a healthy leader.
    Given the steady state holds
    When the disk of the leader is full
    Then writes are interrupted for at least 15 seconds
    And the leader answers 200 to "/primary" within 5 seconds
    And no failover happens for 15 seconds
    When the disk of the leader has room again
    Then 2 replicas replicate from the leader within 60 seconds
    And a login to the leader succeeds within 60 seconds
    And no acknowledged write is lost

  Scenario: the disk of the leader is full, and its log has no room
    A log that cannot grow ends PostgreSQL, and the restart too: Patroni gives
    the key up at once, since what fails to start is not waited for.
    Given the steady state holds
    When the disk of the leader is full
    And the operator runs "SELECT pg_switch_wal()" on the leader
    Then a new leader is promoted within 60 seconds
    And exactly 1 failover happens
    And the recovery time is at most 60 seconds
    And at most 10 acknowledged writes are lost
    When the disk of the old leader has room again
    Then the old leader rejoins as a replica within 90 seconds
    And at no time could two nodes acknowledge writes

  Scenario: the disk of the leader is read-only
    PostgreSQL panics, cannot start, and Patroni gives the key up at once.
    Given the steady state holds
    When the disk of the leader is read-only
    Then a new leader is promoted within 60 seconds
    And exactly 1 failover happens
    And writes are interrupted for at most 30 seconds
    And at most 10 acknowledged writes are lost
    When the disk of the old leader works again
    Then the old leader rejoins as a replica within 90 seconds
    And at no time could two nodes acknowledge writes

  Scenario: postgres restarts slowly, and Patroni waits for it
    Each file of the data is synced before recovery begins, and a sync takes
    half a second. primary_start_timeout is Patroni's own 300 seconds: nobody
    is promoted, and writes are down for as long as the restart takes.
    Given the steady state holds
    When the disk of the leader takes 500 milliseconds to sync
    And "postgres" on the leader is killed
    Then the leader answers 200 to "/primary" within 5 seconds
    And no failover happens for 45 seconds
    And writes are interrupted for at least 40 seconds
    When the disk of the leader works again
    Then 2 replicas replicate from the leader within 2 minutes
    And a login to the leader succeeds within 60 seconds
    And no acknowledged write is lost
