@patroni @etcd
Feature: What Patroni's REST API tells a load balancer
  A check sees a status code and nothing else. Each code means less than its
  path says: /primary is who holds the key, /health is whether PostgreSQL runs.

  Scenario: the codes by role
    A path that Patroni does not know is answered with 503, not 404: a mistyped
    check takes every server out. One that contains a word that it knows is
    answered as that word.
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    Then the leader answers 200 to "/" within 5 seconds
    And the leader answers 200 to "/primary" within 5 seconds
    And the leader answers 200 to "/read-write" within 5 seconds
    And the leader answers 200 to "/leader" within 5 seconds
    And the leader answers 200 to "/master" within 5 seconds
    And the leader answers 503 to "/replica" within 5 seconds
    And the leader answers 503 to "/standby-leader" within 5 seconds
    And every replica answers 503 to "/" within 5 seconds
    And every replica answers 503 to "/primary" within 5 seconds
    And every replica answers 503 to "/leader" within 5 seconds
    And every replica answers 200 to "/replica" within 5 seconds
    And every replica answers 200 to "/replica?lag=1MB" within 5 seconds
    And every replica answers 200 to "/async" within 5 seconds
    And every replica answers 503 to "/sync" within 5 seconds
    And every replica answers 503 to "/quorum" within 5 seconds
    And nodes "p1,p2,p3" answer 200 to "/read-only" within 5 seconds
    And nodes "p1,p2,p3" answer 200 to "/health" within 5 seconds
    And nodes "p1,p2,p3" answer 200 to "/liveness" within 5 seconds
    And nodes "p1,p2,p3" answer 200 to "/readiness" within 5 seconds
    And nodes "p1,p2,p3" answer 200 to "/patroni" within 5 seconds
    And nodes "p1,p2,p3" answer 200 to "/cluster" within 5 seconds
    And nodes "p1,p2,p3" answer 200 to "/history" within 5 seconds
    And nodes "p1,p2,p3" answer 200 to "/metrics" within 5 seconds
    And nodes "p1,p2,p3" answer 502 to "/failsafe" within 5 seconds
    And nodes "p1,p2,p3" answer 503 to "/prymary" within 5 seconds
    And the leader answers 200 to "/primary-of-nobody" within 5 seconds
    And writes are interrupted for at most 4 seconds

  @extended
  Scenario: the codes of a replica that lags, and of one whose postgres is down
    /replica with a lag is the only check that sees a replica that no longer
    replays; /health sees only whether it runs. Both states last in maintenance
    mode only: Patroni has replay resumed and PostgreSQL started in its next
    loop.
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the operator pauses automatic failover
    And the operator runs "SELECT pg_wal_replay_pause()" on node "p3"
    And the operator runs "SELECT pg_logical_emit_message(false, 'drill', repeat('x', 3000000))" on the leader
    Then node "p3" answers 503 to "/replica?lag=1MB" within 10 seconds
    And node "p3" answers 200 to "/replica" within 3 seconds
    And node "p3" answers 200 to "/health" within 3 seconds
    And the answer of node "p3" to "/patroni" has "'paused': true" within 3 seconds
    When the operator runs "SELECT pg_wal_replay_resume()" on node "p3"
    Then node "p3" answers 200 to "/replica?lag=1MB" within 10 seconds
    When "postgres" on node "p3" is killed
    Then node "p3" answers 503 to "/replica" within 10 seconds
    And node "p3" answers 503 to "/health" within 3 seconds
    And node "p3" answers 200 to "/patroni" within 3 seconds
    And the answer of nodes "p1,p2,p3" to "/cluster" has "'pause': true" within 5 seconds
    When the operator resumes automatic failover
    Then node "p3" answers 200 to "/replica" within 45 seconds
    And writes are interrupted for at most 5 seconds

  @extended
  Scenario: the codes without etcd
    Nobody is the leader, and all serve reads: what a pool of readers is for.
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of a majority of etcd is lost
    Then nodes "p1,p2" answer 503 to "/primary" within 25 seconds
    And nodes "p1,p2" answer 200 to "/health" within 15 seconds
    And nodes "p1,p2" answer 200 to "/replica" within 15 seconds
    And nodes "p1,p2" answer 200 to "/read-only" within 5 seconds
    And writes are interrupted for at least 5 seconds

  Scenario: the codes without etcd, in failsafe mode
    Given the topology "patroni-failsafe"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    Then nodes "p1,p2,p3" answer 200 to "/failsafe" within 10 seconds
    When the host of a majority of etcd is lost
    Then the answer of node "p1" to "/patroni" has "'failsafe_mode_is_active': true" within 30 seconds
    And node "p1" answers 200 to "/primary" within 3 seconds
    And nodes "p2,p3" answer 503 to "/primary" within 3 seconds
    And nodes "p2,p3" answer 200 to "/replica" within 3 seconds
    And no failover happens for 1 second
    And writes are interrupted for at most 10 seconds
    And no acknowledged write is lost
