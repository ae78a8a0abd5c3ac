@mysql @orchestrator @raft @extended
Feature: A datacenter goes dark, and the other side promotes
  The primary is in dc2 with a replica beside it; dc1 and dc3 have a replica
  each. There is an Orchestrator in each datacenter, in raft: the side that has
  the majority acts. Applications write from all three, each through the caching
  resolver of its own datacenter. Nobody inside of a dark datacenter knows that
  it is dark, and Orchestrator fences nothing there.

  Background:
    Given the topology "mysql-3dc"
    And the application writes 20 rows per second through "db.shop.test"

  Scenario: the primary's datacenter is isolated with the raft leader outside of it
    The majority need elect nobody, and promotes. The dark side goes on writing,
    and does so after its return: its rows are on no other side.
    Given the steady state holds
    And the operator has node "o1" lead the Orchestrators
    When datacenter "dc2" is isolated
    Then a new primary is promoted within 60 seconds
    And the promoted node is one of "m3, m4"
    And "db.shop.test" resolves to the primary within 20 seconds for the application in datacenter "dc1"
    And "db.shop.test" resolves to the primary within 20 seconds for the application in datacenter "dc3"
    When the isolation is healed
    And 10 seconds pass
    Then exactly 1 failover happens
    And a finding of the report names "two clusters at the end"
    And at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"

  Scenario: the primary's datacenter is isolated with the raft leader inside of it
    The Orchestrator in there loses its quorum and must recover nothing; the other
    two elect a leader first.
    Given the steady state holds
    And the operator has node "o2" lead the Orchestrators
    When datacenter "dc2" is isolated
    Then a new primary is promoted within 75 seconds
    And the promoted node is one of "m3, m4"
    When the isolation is healed
    And 10 seconds pass
    Then exactly 1 failover happens
    And acknowledged writes are lost

  Scenario: the commit waits for another datacenter, and nothing is lost
    Semi-synchronous replication whose acknowledgement comes from dc1 or dc3: a
    commit in the dark datacenter hangs, and nobody is told that it was done.
    Given semi-synchronous replication waits for 1 replica
    And these settings:
      | component | key                           | value |
      | m2        | rpl_semi_sync_replica_enabled | OFF   |
    And the steady state holds
    And the operator has node "o1" lead the Orchestrators
    When datacenter "dc2" is isolated
    Then a new primary is promoted within 60 seconds
    And the promoted node is one of "m3, m4"
    When the isolation is healed
    And 5 seconds pass
    Then exactly 1 failover happens
    And no acknowledged write is lost

  Scenario: a fence beside each server closes what has no majority any more
    The shipped service asks all Orchestrators whether they see a majority. In the
    dark datacenter none does, and the primary is closed before another is open.
    What it acknowledged until then is lost all the same.
    Given these settings:
      | component | key   | value |
      | fence     | after | 2     |
    And the steady state holds
    And the operator has node "o1" lead the Orchestrators
    When datacenter "dc2" is isolated
    Then a new primary is promoted within 60 seconds
    And the promoted node is one of "m3, m4"
    And the old primary stops accepting writes within 20 seconds
    When the isolation is healed
    And 5 seconds pass
    Then exactly 1 failover happens
    And at no time could two nodes acknowledge writes

  Scenario: short time-outs into the dark bring the promotion forward
    Orchestrator gives up on a server that is silent after 2 seconds here. The
    others are served sooner. The dark side is no less open for it.
    Given these settings:
      | component    | key                              | value |
      | orchestrator | MySQLConnectTimeoutSeconds       | 1     |
      | orchestrator | MySQLDiscoveryReadTimeoutSeconds | 2     |
      | orchestrator | MySQLTopologyReadTimeoutSeconds  | 5     |
    And the steady state holds
    And the operator has node "o1" lead the Orchestrators
    When datacenter "dc2" is isolated
    Then a new primary is promoted within 60 seconds
    And the recovery time is at most 20 seconds for the application in datacenter "dc1"
    And the recovery time is at most 20 seconds for the application in datacenter "dc3"
    When the isolation is healed
    And 5 seconds pass
    Then exactly 1 failover happens
    And at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"

  Scenario: the time-outs that Orchestrator has by itself
    The same outage, and Orchestrator's defaults: it waits ten seconds for a
    silent server's answer.
    Given these settings:
      | component    | key                              | value |
      | orchestrator | MySQLConnectTimeoutSeconds       | 2     |
      | orchestrator | MySQLDiscoveryReadTimeoutSeconds | 10    |
      | orchestrator | MySQLTopologyReadTimeoutSeconds  | 600   |
    And the steady state holds
    And the operator has node "o1" lead the Orchestrators
    When datacenter "dc2" is isolated
    Then a new primary is promoted within 90 seconds
    And the recovery time is at most 14 seconds for the application in datacenter "dc1"
    But the drill fails because "the recovery time"

  Scenario: every Orchestrator dies, and the fence closes a healthy primary
    What the fence costs: it cannot tell this from a datacenter that is cut off.
    Given these settings:
      | component | key   | value |
      | fence     | after | 2     |
    And the steady state holds
    When "orchestrator" on every Orchestrator is killed
    Then no failover happens for 10 seconds
    And writes are interrupted for at most 3 seconds
    But the drill fails because "writes are interrupted"

  Scenario: a datacenter without the primary is isolated, and nothing happens
    Given the steady state holds
    When datacenter "dc3" is isolated
    Then no failover happens for 20 seconds
    And the recovery time is at most 5 seconds for the application in datacenter "dc1"
    And the recovery time is at most 5 seconds for the application in datacenter "dc2"
    When the isolation is healed
    Then 3 replicas replicate from the primary within 30 seconds
    And no acknowledged write is lost
    And no node has errant transactions

  Scenario: the isolation is over before anybody can be sure
    Given the steady state holds
    When datacenter "dc2" is isolated
    And 2 seconds pass
    And the isolation is healed
    Then no failover happens for 20 seconds
    And no acknowledged write is lost
    And 3 replicas replicate from the primary within 30 seconds
    And no node has errant transactions

  Scenario: two of three datacenters cannot reach each other
    The replica in dc1 loses its source, and an Orchestrator there would see a dead
    primary that the one in dc3 sees alive: one that leads outside has both.
    Given the steady state holds
    And the operator has node "o3" lead the Orchestrators
    When datacenter "dc1" is partitioned from datacenter "dc2"
    Then no failover happens for 20 seconds
    And the recovery time is at most 5 seconds for the application in datacenter "dc3"
    When the partition is healed
    Then 3 replicas replicate from the primary within 30 seconds
    And no acknowledged write is lost

  Scenario: the primary's datacenter is heard, and hears nothing
    One way only: what the others send does not arrive. Its replication goes on
    until an acknowledgement of TCP is missed.
    Given the steady state holds
    And the operator has node "o1" lead the Orchestrators
    When nodes "m3, m4, o1, o3, app1, app3, dns" cannot reach datacenter "dc2"
    Then a new primary is promoted within 75 seconds
    And the promoted node is one of "m3, m4"
    When all faults are healed
    And 5 seconds pass
    Then exactly 1 failover happens

  Scenario: the primary's datacenter loses its power
    Nobody is left in there to go on writing: what is lost is what had not left.
    Given the steady state holds
    And the operator has node "o1" lead the Orchestrators
    When the host of datacenter "dc2" is lost
    Then a new primary is promoted within 60 seconds
    And the promoted node is one of "m3, m4"
    And "db.shop.test" resolves to the primary within 20 seconds for the application in datacenter "dc1"
    And "db.shop.test" resolves to the primary within 20 seconds for the application in datacenter "dc3"
    And the recovery time is at most 90 seconds for the application in datacenter "dc1"
    And at most 10 acknowledged writes are lost
    And exactly 1 failover happens

  Scenario: the isolation flaps
    Each time over before a promotion is due. What is promoted all the same must
    be promoted once.
    Given the steady state holds
    When 3 times, 2 seconds on and 4 seconds off: datacenter "dc2" is isolated
    And the schedule is over
    Then no failover happens for 20 seconds
    And 3 replicas replicate from the primary within 30 seconds
    And no node has errant transactions

  Scenario: the primary dies while the datacenters are far apart
    80 ms between datacenters, with jitter: every decision takes round trips.
    Given the steady state holds
    And the operator has node "o1" lead the Orchestrators
    When the network of datacenter "dc1" has 80 milliseconds latency with 20 milliseconds jitter
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 45 seconds
    And exactly 1 failover happens
    And at most 20 acknowledged writes are lost
    And at no time could two nodes acknowledge writes

  Scenario: the new primary dies after the datacenter was lost
    The first failover is acknowledged: else the second is blocked as flapping.
    Given the steady state holds
    And the operator has node "o1" lead the Orchestrators
    When the host of datacenter "dc2" is lost
    Then a new primary is promoted within 60 seconds
    When 5 seconds pass
    And the operator acknowledges the recovery
    And "mysqld" on the promoted node is killed
    Then a new primary is promoted within 60 seconds
    And exactly 2 failovers happen
    And at most 20 acknowledged writes are lost

  Scenario: fifteen servers, and the primary's datacenter is isolated with five of them
    Ten servers are left, in two datacenters. One of them is promoted and the other
    nine follow it; the five in the dark keep the old primary, which stays open.
    There is no caching resolver here: nobody in the dark finds it any more.
    Given the topology "mysql-raft-15"
    And the application writes 5 rows per second through "db.shop.test"
    And the steady state holds
    And the operator has node "o2" lead the Orchestrators
    When datacenter "dc1" is isolated
    Then a new primary is promoted within 90 seconds
    And the promoted node is not nodes "m1, m4, m7, m10, m13"
    And "db.shop.test" resolves to the primary within 30 seconds for the application in datacenter "dc2"
    And "db.shop.test" resolves to the primary within 30 seconds for the application in datacenter "dc3"
    And 9 replicas replicate from the primary within 60 seconds
    And the recovery time is at most 120 seconds for the application in datacenter "dc2"
    And the recovery time is at most 120 seconds for the application in datacenter "dc3"
    When the isolation is healed
    And 10 seconds pass
    Then exactly 1 failover happens
    And at most 10 acknowledged writes are lost
    And at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"
