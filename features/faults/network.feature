@mysql @orchestrator
Feature: A network that is slow, narrow, lossy or cut
  Replicas are the victims: a primary whose network is bad is another matter (a failover).

  Background:
    Given the topology "mysql-3"
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds

  @extended
  Scenario: a replica far away, behind a bad line, and behind none
    When the network of node "m2" has 200 milliseconds latency
    Then a round trip from the application to node "m2" takes at least 195 milliseconds
    And a round trip from the application to node "m3" takes at most 100 milliseconds
    When the network of node "m2" is whole again
    Then a round trip from the application to node "m2" takes at most 100 milliseconds
    When the network of node "m2" loses 30% of its packets
    Then at least 30% of the round trips from the application to node "m2" are lost
    When the network of node "m2" is whole again
    Then at most 5% of the round trips from the application to node "m2" are lost
    When node "m2" is partitioned from the application and is refused
    Then the application is refused by node "m2" on port 3306
    When all faults are healed
    Then the application reaches node "m2" on port 3306
    And node "m2" replicates within 30 seconds
    And no failover happens for 5 seconds
    And no acknowledged write is lost

  @extended
  Scenario: a narrow line, one that swallows large packets, and one that flaps
    When the network of node "m3" is limited to 1 megabit per second
    Then reading 250 kilobytes from node "m3" takes at least 1 second
    When the network of node "m3" is whole again
    Then reading 250 kilobytes from node "m3" takes at most 1 second
    When the network of node "m3" swallows packets larger than 1000 bytes
    Then the application reaches node "m3" on port 3306
    And reading 250 kilobytes from node "m3" takes at least 5 seconds
    When the network of node "m3" is whole again
    Then reading 250 kilobytes from node "m3" takes at most 1 second
    When the network of node "m3" flaps, 2 seconds down and 2 seconds up
    Then the application does not reach node "m3" on port 3306
    And the application reaches node "m3" on port 3306
    And the application does not reach node "m3" on port 3306
    When all faults are healed
    Then the application reaches node "m3" on port 3306
    And no acknowledged write is lost

  @extended
  Scenario: cuts that are not the whole cable
    When node "m2" is partitioned from node "m3"
    Then node "m2" does not reach node "m3" on port 3306
    And the application reaches node "m2" on port 3306
    And the application reaches node "m3" on port 3306
    When the partition is healed
    And node "m2" is partitioned from the application on port 3306
    Then the application does not reach node "m2" on port 3306
    And node "m3" reaches node "m2" on port 3306
    When the network of node "m2" is whole again
    And the application cannot reach node "m2" on port 3306 and is refused
    Then the application is refused by node "m2" on port 3306
    When the partition is healed
    And the network of nodes "m2, m3, o1, app1" is a ring
    Then node "m2" does not reach node "o1" on port 22
    And node "m2" is refused by node "m3" on port 22
    When all faults are healed
    Then node "m2" is refused by node "o1" on port 22
    And node "m2" replicates within 30 seconds

  @extended
  Scenario: a datacenter at the other end of the world
    When the network of datacenter "dc2" has 100 milliseconds latency with 20 milliseconds jitter
    Then a round trip from node "m1" to datacenter "dc2" takes at least 80 milliseconds
    When the network of datacenter "dc2" is whole again
    Then a round trip from node "m1" to datacenter "dc2" takes at most 50 milliseconds

  @extended
  Scenario: the application cannot look names up
    When DNS is blocked for the application
    Then "db.shop.test" does not resolve
    And writes are interrupted for at least 2 seconds
    When all faults are healed
    Then "db.shop.test" resolves to the primary within 10 seconds in every datacenter
    And no acknowledged write is lost
