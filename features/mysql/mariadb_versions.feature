@mysql @orchestrator @extended
Feature: A MariaDB cluster in the middle of an upgrade
  m2 runs 11.8 already, the primary and m3 still run 10.11. A newer server can
  replicate from an older one, and not the other way round. (From 11.4 on a
  replica also insists on TLS, which an older source has only if it was told:
  it is switched off here, MASTER_SSL=0, or m2 would not replicate at all.)

  Background:
    Given the topology "mariadb-mix"
    And the application writes 50 rows per second through "db.shop.test"

  Scenario: the replica of the older version is promoted
    Given the steady state holds
    When "mariadbd" on the primary is killed
    Then node "m3" is promoted within 15 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And "db.shop.test" resolves to the primary within 5 seconds
    And exactly 1 failover happens
    And at most 5 acknowledged writes are lost

  Scenario: the replica of the newer version is passed over, although it is the candidate
    What is promoted must be able to feed the others: a rule counts for less.
    Given node "m2" has the promotion rule "prefer"
    And the steady state holds
    When "mariadbd" on the primary is killed
    Then node "m3" is promoted within 15 seconds
    And node "m2" replicates from node "m3" within 15 seconds
    And exactly 1 failover happens
