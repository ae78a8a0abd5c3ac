@faults
Feature: Processes that die, hang and crash-loop
  The process is the unit of failure: its host, its address and its network live
  on, so peers are refused at once, and whoever restarts it sets the pace.

  @mysql @orchestrator @extended
  Scenario: mysqld on a replica crash-loops, and comes back slowly
    Given the topology "mysql-3"
    And the application writes 50 rows per second through "db.shop.test"
    And the steady state holds
    When "mysqld" on node "m2" crash-loops
    Then "mysqld" on node "m2" restarts at least 3 times within 30 seconds
    When "mysqld" on node "m2" is started
    Then a login to node "m2" succeeds within 30 seconds
    And node "m2" replicates within 60 seconds
    When "mysqld" on node "m3" is killed and restarts after 8 seconds
    Then "mysqld" on node "m3" does not run
    And a login to node "m3" fails
    And "mysqld" on node "m3" runs within 20 seconds
    And node "m3" replicates within 60 seconds
    And no failover happens for 5 seconds
    And no acknowledged write is lost

  @mysql @orchestrator @extended
  Scenario Outline: <process> of a MySQL topology dies, stops, hangs and crash-loops
    Given the topology "mysql-3"
    And the steady state holds
    When "<process>" on <target> is killed
    Then "<process>" on <target> does not run
    When "<process>" on <target> is started
    Then "<process>" on <target> runs within 20 seconds
    When 2 seconds pass
    And "<process>" on <target> is stopped
    Then "<process>" on <target> does not run
    When "<process>" on <target> is started
    Then "<process>" on <target> runs within 20 seconds
    When 2 seconds pass
    And "<process>" on <target> is frozen
    And "<process>" on <target> is resumed
    And "<process>" on <target> crash-loops
    Then "<process>" on <target> restarts at least 2 times within 30 seconds
    When all faults are healed
    Then "<process>" on <target> runs within 20 seconds

    Examples:
      | process      | target         |
      | mysqld       | node "m3"      |
      | dns          | the DNS server |
      | orchestrator | node "o1"      |

  @patroni @etcd @extended
  Scenario: the processes of a Patroni topology die, stop, hang and crash-loop
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "haproxy" on the proxy crash-loops
    Then "haproxy" on the proxy restarts at least 2 times within 30 seconds
    When "haproxy" on the proxy is started
    Then "haproxy" on the proxy runs within 20 seconds
    When "etcd" on a minority of etcd crash-loops
    And 5 seconds pass
    And all faults are healed
    And "patroni" on node "p3" is killed
    And "patroni" on node "p3" is started
    Then "patroni" on node "p3" runs within 20 seconds
    And node "p3" replicates within 60 seconds

  @patroni @etcd @extended
  Scenario: postgres on the leader crash-loops under its manager
    Patroni starts it again until it gives up, and hands the role over.
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When "postgres" on the leader crash-loops
    Then writes are interrupted for at least 1 second
    When 20 seconds pass
    And all faults are healed
    Then "postgres" on the old leader runs within 60 seconds
    And a login to the old leader succeeds within 60 seconds
    And at no time could two nodes acknowledge writes
