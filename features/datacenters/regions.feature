@mysql @regions @extended
Feature: Cross-region failover by DNS
  A primary region and a standby region, each with a database, a web tier and an
  ingress. A controller elsewhere checks the ingress of the active region; when
  that has failed three times in a row it has the other region's database
  promoted, and then changes the record. Users resolve the name through caching
  resolvers of their own.

  Background:
    Given the topology "mysql-2region"
    And the application writes 20 rows per second through "www.shop.test"

  Scenario: the primary region loses power, at the worst moment
    Three checks of five seconds, then the promotion, then what was left of the
    TTL. A TTL that began before the outage runs out while the checks fail, and
    costs nothing. The worst is a resolver that asks once more shortly before
    the record is changed: 12 seconds after the power failed, here.
    Given the steady state holds
    When "www.shop.test" has just been cached in every datacenter
    And 18 seconds pass
    And the host of datacenter "us-east" is lost
    Then node "m2" is promoted within 40 seconds
    And "www.shop.test" resolves to the primary within 35 seconds
    And the recovery time is at most 70 seconds
    And at most 5 acknowledged writes are lost
    And exactly 1 failover happens
    And at no time could two nodes acknowledge writes

  Scenario: a TTL of 30 seconds does not keep a promise of 10
    The record was changed in time. Users whose resolver had just asked are sent
    to a region that is dark until the TTL is over.
    Given the steady state holds
    When "www.shop.test" has just been cached in every datacenter
    And 18 seconds pass
    And the host of datacenter "us-east" is lost
    Then node "m2" is promoted within 40 seconds
    And "www.shop.test" resolves to the primary within 10 seconds
    But the drill fails because "resolves to the primary within 10 seconds"

  Scenario: only the ingress dies, and nothing is lost
    The database is well and can be reached by the controller, which fences it
    before it promotes, and has the replica apply all that it has.
    Given these settings:
      | resolver     | max_ttl  | 5 |
      | dns-failover | interval | 2 |
      | dns-failover | timeout  | 1 |
    And the steady state holds
    When "haproxy" on node "lb1" is killed
    Then node "m2" is promoted within 20 seconds
    And "www.shop.test" resolves to the primary within 10 seconds
    And the recovery time is at most 25 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: only the database dies, and a check that connects notices, too
    Given these settings:
      | web          | check    | connect |
      | resolver     | max_ttl  | 5       |
      | dns-failover | interval | 2       |
      | dns-failover | timeout  | 1       |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m2" is promoted within 20 seconds
    And the recovery time is at most 25 seconds
    And at most 5 acknowledged writes are lost

  Scenario: the database takes no writes, and a check that connects is content
    It opens a connection, as the recipe's check does, and a read-only database
    has one to give. No write is done, and every light is green.
    Given these settings:
      | web          | check    | connect |
      | dns-failover | interval | 2       |
      | dns-failover | timeout  | 1       |
    And the steady state holds
    When the primary is set read-only by hand
    Then no failover happens for 20 seconds
    And writes are interrupted for at most 15 seconds
    But the drill fails because "writes are interrupted"

  Scenario: the controller is cut off from a healthy region, and believes its own eyes
    The users reach the region and write to it until their resolvers ask again.
    In the mean time the other one has been promoted, and nobody could fence the
    first.
    Given these settings:
      | dns-failover | interval | 2 |
      | dns-failover | timeout  | 1 |
    And the steady state holds
    When "www.shop.test" has just been cached in every datacenter
    And node "ctl" is partitioned from datacenter "us-east"
    Then node "m2" is promoted within 20 seconds
    And "www.shop.test" resolves to the primary within 35 seconds
    And acknowledged writes are lost
    And at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"

  Scenario: the controller is cut off, and a witness in the other region still sees the first
    The same cut. The controller asks the other region before it acts, which
    still reaches the first.
    Given these settings:
      | dns-failover | interval | 2  |
      | dns-failover | timeout  | 1  |
      | dns-failover | witness  | on |
    And the steady state holds
    When node "ctl" is partitioned from datacenter "us-east"
    Then no failover happens for 20 seconds
    And writes are interrupted for at most 2 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: the operator fails back
    The region has returned, read-only as its configuration says. It becomes a
    replica first, and has all that was written meanwhile before it is asked to
    take over: the controller fences the one, waits for the other, promotes it
    and moves the name.
    Given these settings:
      | resolver     | max_ttl  | 5 |
      | dns-failover | interval | 2 |
      | dns-failover | timeout  | 1 |
    And the steady state holds
    When the host of datacenter "us-east" is lost
    Then node "m2" is promoted within 20 seconds
    And the recovery time is at most 30 seconds
    When the host of datacenter "us-east" returns
    And 10 seconds pass
    And the operator has node "m1" replicate from node "m2"
    Then node "m1" replicates from node "m2" within 20 seconds
    When the operator requests a switchover to node "m1"
    Then node "m1" is promoted within 20 seconds
    And "www.shop.test" resolves to the primary within 10 seconds
    And the recovery time is at most 20 seconds
    And exactly 2 failovers happen
    And node "m2" replicates from node "m1" within 10 seconds
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes

  Scenario: the recipe's failover test, which turns the health check off
    It stops the checks, waits a minute and assumes that the users have been
    moved. Nothing was broken, nobody was moved, and the test says that it has
    passed. Every other drill here is that test done properly: an outage that is
    made, an outcome that is looked at, and a heal that happens even when the
    drill itself is killed.
    Given the steady state holds
    When "dns-failover" on node "ctl" is killed
    And 30 seconds pass
    Then writes are interrupted for at most 2 seconds
    And "www.shop.test" resolves to node "lb2" within 5 seconds in every datacenter
    But the drill fails because "resolves to node"

  Scenario: resolvers that keep nothing for longer than 5 seconds
    The same outage as above, and the record has the same TTL. The users'
    resolvers do not care.
    Given these settings:
      | resolver | max_ttl | 5 |
    And the steady state holds
    When the host of datacenter "us-east" is lost
    Then node "m2" is promoted within 40 seconds
    And "www.shop.test" resolves to the primary within 10 seconds
    And the recovery time is at most 45 seconds
    And at most 5 acknowledged writes are lost

  Scenario: only the database dies, and a check that writes notices
    Given these settings:
      | web          | check    | write |
      | resolver     | max_ttl  | 5     |
      | dns-failover | interval | 2     |
      | dns-failover | timeout  | 1     |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then node "m2" is promoted within 20 seconds
    And the recovery time is at most 25 seconds
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes

  Scenario: the database takes no writes, and a check that writes notices
    The same trap as above. The old primary is well and can be reached, so the
    controller knows what it has, and the other one has it before it is promoted.
    Given these settings:
      | web          | check    | write |
      | resolver     | max_ttl  | 5     |
      | dns-failover | interval | 2     |
      | dns-failover | timeout  | 1     |
    And the steady state holds
    When the primary is set read-only by hand
    Then node "m2" is promoted within 20 seconds
    And the recovery time is at most 25 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: the outage is over before the third check has failed
    Three checks of five seconds: one or two fail, and the next one is answered.
    Given the steady state holds
    When datacenter "us-east" is isolated
    And 7 seconds pass
    And the isolation is healed
    And 15 seconds pass
    Then exactly 0 failovers happen
    And "www.shop.test" resolves to node "lb1" within 2 seconds in every datacenter
    And writes are interrupted for at most 12 seconds
    And no acknowledged write is lost
    And at no time could two nodes acknowledge writes

  Scenario: the witness in the other region has lost sight of the first, too
    Both see the same, and the controller acts.
    Given these settings:
      | resolver     | max_ttl  | 5  |
      | dns-failover | interval | 2  |
      | dns-failover | timeout  | 1  |
      | dns-failover | witness  | on |
    And the steady state holds
    When the host of datacenter "us-east" is lost
    Then node "m2" is promoted within 30 seconds
    And "www.shop.test" resolves to the primary within 10 seconds
    And the recovery time is at most 40 seconds
    And at most 5 acknowledged writes are lost

  Scenario: the replica applies late, and is promoted at once
    It has received everything, and applies it twenty seconds later. Who promotes
    without waiting throws away orders that it had.
    Given these settings:
      | resolver     | max_ttl      | 5 |
      | dns-failover | interval     | 2 |
      | dns-failover | timeout      | 1 |
      | dns-failover | apply_within | 0 |
    And replication to node "m2" is delayed by 20 seconds
    And the steady state holds
    When 12 seconds pass
    And the host of datacenter "us-east" is lost
    Then node "m2" is promoted within 20 seconds
    And at most 5 acknowledged writes are lost
    But the drill fails because "acknowledged writes are lost"

  Scenario: the replica applies late, and is promoted when it has applied what it received
    The same twenty seconds. They are waited for in place of being lost.
    Given these settings:
      | resolver     | max_ttl      | 5  |
      | dns-failover | interval     | 2  |
      | dns-failover | timeout      | 1  |
      | dns-failover | apply_within | 30 |
    And replication to node "m2" is delayed by 20 seconds
    And the steady state holds
    When 12 seconds pass
    And the host of datacenter "us-east" is lost
    Then node "m2" is promoted within 50 seconds
    And the recovery time is at most 60 seconds
    And at most 5 acknowledged writes are lost

  Scenario: the promotion is left to the operator, and the name waits for it
    The controller moves the name and promotes nobody. It moves it to a region
    whose own health check is content, and that one writes.
    Given these settings:
      | resolver     | max_ttl  | 5        |
      | dns-failover | interval | 2        |
      | dns-failover | timeout  | 1        |
      | dns-failover | promote  | operator |
    And the steady state holds
    When the host of datacenter "us-east" is lost
    And 20 seconds pass
    Then "www.shop.test" resolves to node "lb1" within 2 seconds in every datacenter
    When the operator runs "STOP REPLICA" on node "m2"
    And the operator runs "RESET REPLICA ALL" on node "m2"
    And the operator runs "SET GLOBAL read_only = OFF" on node "m2"
    Then node "m2" is promoted within 60 seconds
    And "www.shop.test" resolves to the primary within 15 seconds
    And the recovery time is at most 60 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: the promotion is left to the operator, and the name does not wait for it
    A check that only connects finds nothing wrong with a read-only replica. The
    users are led to it while the operator is still being woken.
    Given these settings:
      | web          | check    | connect  |
      | resolver     | max_ttl  | 5        |
      | dns-failover | interval | 2        |
      | dns-failover | timeout  | 1        |
      | dns-failover | promote  | operator |
    And the steady state holds
    When the host of datacenter "us-east" is lost
    And 20 seconds pass
    Then "www.shop.test" resolves to node "lb1" within 2 seconds in every datacenter
    But the drill fails because "resolves to node"
    When the operator runs "STOP REPLICA" on node "m2"
    And the operator runs "RESET REPLICA ALL" on node "m2"
    And the operator runs "SET GLOBAL read_only = OFF" on node "m2"
    Then node "m2" is promoted within 60 seconds

  Scenario: the name fails back by itself, to a region that takes no writes
    The region returns read-only and with an old history. A check that connects
    is content with it, and the users are taken away from a primary that works.
    That one is not in the active region any more, so the controller closes it:
    what was written meanwhile is there, and nobody takes writes.
    Given these settings:
      | web          | check     | connect   |
      | resolver     | max_ttl   | 5         |
      | dns-failover | interval  | 2         |
      | dns-failover | timeout   | 1         |
      | dns-failover | fail_back | automatic |
    And the steady state holds
    When the host of datacenter "us-east" is lost
    Then node "m2" is promoted within 20 seconds
    And "www.shop.test" resolves to node "lb2" within 10 seconds in every datacenter
    When the host of datacenter "us-east" returns
    And 30 seconds pass
    Then "www.shop.test" resolves to node "lb2" within 2 seconds in every datacenter
    But the drill fails because "within 2 seconds in every datacenter"

  Scenario: the name fails back by itself, and a check that writes holds it
    The region that returned takes no writes until somebody decides that it shall.
    Given these settings:
      | resolver     | max_ttl   | 5         |
      | dns-failover | interval  | 2         |
      | dns-failover | timeout   | 1         |
      | dns-failover | fail_back | automatic |
    And the steady state holds
    When the host of datacenter "us-east" is lost
    Then node "m2" is promoted within 20 seconds
    And the recovery time is at most 30 seconds
    When the host of datacenter "us-east" returns
    And 20 seconds pass
    Then exactly 1 failover happens
    And "www.shop.test" resolves to node "lb2" within 2 seconds in every datacenter
    And at most 5 acknowledged writes are lost
    And at no time could two nodes acknowledge writes

  Scenario: a region that was cut off returns, and is fenced
    Its users still reached it and wrote to it; the other region and the
    controller did not. What it alone has is named, and nothing is written to it
    any more.
    Given these settings:
      | dns-failover | interval | 2 |
      | dns-failover | timeout  | 1 |
    And the steady state holds
    When "www.shop.test" has just been cached in every datacenter
    And datacenter "us-east" is partitioned from nodes "ctl, dns, m2, web2, lb2"
    Then node "m2" is promoted within 20 seconds
    And "www.shop.test" resolves to the primary within 35 seconds
    When the partition is healed
    And 10 seconds pass
    Then the old primary stops accepting writes within 90 seconds
    And acknowledged writes are lost
    And exactly 1 failover happens
    And a finding of the report names "m1 follows nobody, and what it has is not the past of m2"
    And at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"

  Scenario: a region that was cut off returns, and nobody fences it
    The name would take it back, too: its check writes, and it takes writes. Two
    primaries, and the users go from one history to the other.
    Given these settings:
      | resolver     | max_ttl   | 5         |
      | dns-failover | interval  | 2         |
      | dns-failover | timeout   | 1         |
      | dns-failover | fence     | off       |
      | dns-failover | fail_back | automatic |
    And the steady state holds
    When datacenter "us-east" is partitioned from nodes "ctl, dns, m2, web2, lb2"
    Then node "m2" is promoted within 20 seconds
    And "www.shop.test" resolves to node "lb2" within 15 seconds in every datacenter
    When the partition is healed
    And 20 seconds pass
    Then "www.shop.test" resolves to node "lb1" within 10 seconds in every datacenter
    And a finding of the report names "two clusters at the end"
    And at no time could two nodes acknowledge writes
    But the drill fails because "two nodes acknowledge writes"
