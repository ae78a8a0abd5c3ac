@patroni @etcd
Feature: Planned work on a Patroni cluster
  What an operator does when nothing is broken: switchovers, maintenance mode,
  restarts, a replica made anew. Patroni needs two seconds for a switchover.
  What the application sees is what stands between it and Patroni.

  Scenario: a switchover to a candidate, and back
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the operator requests a switchover to node "p2"
    Then node "p2" is promoted within 15 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And 2 replicas replicate from the leader within 20 seconds
    When the operator requests a switchover to node "p1"
    Then the promoted node is the old leader
    And exactly 2 failovers happen
    And writes are interrupted for at most 10 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  @extended
  Scenario: a switchover behind a load balancer that checks every five seconds
    A NodeBalancer's check: three failures take the old leader out, 10 to 15
    seconds after it has become a replica. Until then new connections land on
    it, and it is read-only.
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "proxy.shop.test"
    And the application keeps a connection open through "proxy.shop.test"
    And the steady state holds
    When the operator requests a switchover to node "p2"
    Then node "p2" is promoted within 15 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And the proxy sends writes to the leader within 25 seconds
    And the connections kept open lead to the leader within 30 seconds
    And writes are interrupted for at least 4 seconds
    And writes are interrupted for at most 25 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a switchover behind a load balancer that checks every second
    One failure takes a server out, one success brings it in: the balancer costs
    a second instead of fifteen.
    Given the topology "patroni-3"
    And these settings:
      | component | key   | value |
      | haproxy   | inter | 1s    |
      | haproxy   | fall  | 1     |
      | haproxy   | rise  | 1     |
    And the application writes 20 rows per second through "proxy.shop.test"
    And the steady state holds
    When the operator requests a switchover to node "p2"
    Then node "p2" is promoted within 15 seconds
    And the proxy sends writes to the leader within 4 seconds
    And writes are interrupted for at most 12 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a switchover that was scheduled
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the operator schedules a switchover to node "p3" in 5 seconds
    Then the answer of the leader to "/cluster" has "scheduled_switchover" within 4 seconds
    And node "p3" is promoted within 20 seconds
    And exactly 1 failover happens
    And writes are interrupted for at most 10 seconds
    And no acknowledged write is lost

  Scenario: a switchover to a node that may not lead is refused
    Patroni asks the candidate before it demotes anybody: a mistake costs
    nothing.
    Given the topology "patroni-3"
    And these settings:
      | component | key             | value |
      | p3        | tags.nofailover | true  |
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    Then the operator requests a switchover to node "p3", which fails
    And the operator requests a switchover to node "e1", which fails
    And no failover happens for 3 seconds
    And writes are interrupted for at most 10 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a healthy leader is replaced by force
    With a leader there, POST /failover is a switchover that does not ask who
    leads: nothing is lost.
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the operator forces a failover to node "p3"
    Then node "p3" is promoted within 15 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And exactly 1 failover happens
    And writes are interrupted for at most 12 seconds
    And no acknowledged write is lost
    And the old leader rejoins as a replica within 60 seconds

  @extended
  Scenario: in maintenance mode a switchover works, by name and now only
    Nobody but the operator moves the leader then, and the operator must say to
    whom.
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the operator pauses automatic failover
    Then the operator schedules a switchover in 5 seconds, which fails
    And the operator requests a switchover, which fails
    And no failover happens for 3 seconds
    When the operator requests a switchover to node "p2"
    Then node "p2" is promoted within 15 seconds
    And exactly 1 failover happens
    And writes are interrupted for at most 15 seconds
    And no acknowledged write is lost

  @extended
  Scenario: postgres dies in maintenance mode, and stays down until it ends
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the operator pauses automatic failover
    And "postgres" on the leader is killed
    Then no failover happens for 10 seconds
    And "postgres" on the old leader does not run
    And node "p1" answers 503 to "/health" within 3 seconds
    When the operator resumes automatic failover
    Then the recovery time is at most 45 seconds
    And at most 10 acknowledged writes are lost

  @extended
  Scenario: the host of the leader is lost in maintenance mode, and nobody follows it
    The leader's key has expired after 20 seconds, and still nobody is promoted.
    Ending maintenance mode is what it takes.
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the operator pauses automatic failover
    And the host of the leader is lost
    Then no failover happens for 28 seconds
    When the operator resumes automatic failover
    Then a new leader is promoted within 45 seconds
    And "db.shop.test" resolves to the leader within 5 seconds
    And the recovery time is at most 50 seconds
    And at most 10 acknowledged writes are lost

  Scenario: a setting that needs a restart waits for it
    Patroni writes the setting down on every node, says that it is pending, and
    restarts nothing by itself.
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the operator sets the dynamic setting "postgresql.parameters.max_prepared_transactions" to "7"
    Then the answer of nodes "p1,p2,p3" to "/patroni" has "'pending_restart'" within 15 seconds
    And the query "SHOW max_prepared_transactions" on nodes "p1,p2,p3" gives "0" within 2 seconds
    When the operator restarts PostgreSQL on every replica
    And the operator restarts PostgreSQL on the leader
    Then the query "SHOW max_prepared_transactions" on nodes "p1,p2,p3" gives "7" within 15 seconds
    And no failover happens for 2 seconds
    And writes are interrupted for at most 10 seconds
    And no acknowledged write is lost
