@mysql @orchestrator @faults
Feature: The DNS server misbehaves
  Nothing is wrong with the database: the applications cannot find it.

  @extended
  Scenario: slow, silent, wrong and lying
    Given the topology "mysql-3"
    And the steady state holds
    When the DNS server answers after 500 milliseconds
    Then looking "db.shop.test" up takes at least 500 milliseconds
    When the DNS server works again
    Then "db.shop.test" resolves to the primary within 2 seconds in every datacenter
    When the DNS server does not answer
    Then "db.shop.test" does not resolve
    When the DNS server works again
    Then "db.shop.test" resolves to the primary within 2 seconds in every datacenter
    When the DNS server answers "NXDOMAIN"
    Then "db.shop.test" does not resolve
    When the DNS server works again
    And the DNS server answers "SERVFAIL"
    Then "db.shop.test" does not resolve
    When the DNS server works again
    And the DNS server lies: "db.shop.test" is node "m3"
    Then "db.shop.test" resolves to node "m3" within 2 seconds in every datacenter
    When the DNS server works again
    Then "db.shop.test" resolves to the primary within 2 seconds in every datacenter

  @extended
  Scenario: names are looked up more slowly than the application waits
    Writes that happen to wait when a late answer comes still get through.
    Given the topology "mysql-3"
    And the application writes 100 rows per second through "db.shop.test"
    And the steady state holds
    When the DNS server answers after 3 seconds
    Then writes are interrupted for at least 2 seconds
    When the DNS server works again
    Then no failover happens for 5 seconds
    And the recovery time is at most 15 seconds
    And no acknowledged write is lost
