@mysql @orchestrator @extended
Feature: What Orchestrator's hooks are told, and when they run
  Hooks run one after the other, each until it ends, and the recovery waits for
  them. What they are told comes as placeholders in their command and as ORC_
  variables in their environment.

  Background:
    Given the application writes 50 rows per second through "db.shop.test"

  Scenario: the order of a failover, and what each hook knows
    Who succeeds is known only after the promotion. Before it the variable is
    empty, and the placeholder stays as it is, braces and all: a script that
    takes it for a name acts on a host that does not exist. The hook on detection
    may run twice: first for UnreachableMaster, when a replica still replicated
    as Orchestrator last saw it.
    Given the topology "mysql-3"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And the hooks ran in the order "OnFailureDetection, PreFailover, PostMasterFailover, PostFailover"
    And the hook "PreFailover" was given "failureType" as "DeadMaster"
    And the hook "PreFailover" was given "failedHost" as the old primary
    And the hook "PreFailover" was given "successorHost" as "{successorHost}"
    And the hook "PreFailover" was given no "ORC_SUCCESSOR_HOST"
    And the hook "PostMasterFailover" was given "successorHost" as the promoted node
    And the hook "PostMasterFailover" was given "ORC_SUCCESSOR_HOST" as the promoted node
    And the hook "PostMasterFailover" was given "ORC_FAILED_HOST" as the old primary
    And the hook "PostMasterFailover" was given "ORC_FAILURE_CLUSTER" as "m1:3306"
    And the hook "PostMasterFailover" was given "countReplicas" as "2"
    And the hook "PostFailover" was given "isSuccessful" as "true"
    And the hook "PostFailover" was given "countLostReplicas" as "0"

  Scenario: the order of a switchover, which calls itself a dead primary
    The hooks of a failover run too, and are told DeadMaster: only the command
    tells a planned switchover from a failure. A hook that fences the old
    primary must look at it.
    Given the topology "mysql-3"
    And the steady state holds
    When the operator requests a switchover to node "m2"
    Then node "m2" is promoted within 15 seconds
    And the hooks ran in the order "PreGracefulTakeover, OnFailureDetection, PreFailover, PostMasterFailover, PostFailover, PostGracefulTakeover"
    And the hook "PreFailover" was given "failureType" as "DeadMaster"
    And the hook "PreFailover" was given "command" as "graceful-master-takeover"
    And the hook "PostGracefulTakeover" was given "ORC_SUCCESSOR_HOST" as node "m2"

  Scenario: the order when an intermediate primary dies
    Given the topology "mysql-chain"
    And the steady state holds
    When "mysqld" on the intermediate primary is killed
    Then Orchestrator reports "DeadIntermediateMaster"
    And the hooks ran in the order "OnFailureDetection, PreFailover, PostIntermediateMasterFailover, PostFailover"
    And the hook "PostIntermediateMasterFailover" was given "failedHost" as node "m2"
    And the hook "PostIntermediateMasterFailover" was given "successorHost" as node "m5"
    And the hook "PostMasterFailover" did not run
    And the hook "PostUnsuccessfulFailover" did not run

  Scenario: the hooks of a recovery that promotes nobody
    The only server in the primary's datacenter must not be promoted, and the
    primary must stay in its datacenter. There is no successor to be told of.
    Given the topology "mysql-3"
    And these settings:
      | component    | key                                  | value |
      | orchestrator | PreventCrossDataCenterMasterFailover | true  |
    And node "m2" has the promotion rule "must_not"
    And the steady state holds
    When "mysqld" on the primary is killed
    Then Orchestrator reports "DeadMaster"
    And the hooks ran in the order "OnFailureDetection, PreFailover, PostUnsuccessfulFailover"
    And the hook "PostUnsuccessfulFailover" was given "isSuccessful" as "false"
    And the hook "PostUnsuccessfulFailover" was given "successorHost" as "{successorHost}"
    And the hook "PostMasterFailover" did not run
    And the hook "PostFailover" did not run
    And no failover happens for 5 seconds

  Scenario: a hook before the failover hangs, and the outage is as long
    Orchestrator gives a hook no time-out.
    Given the topology "mysql-3"
    And these settings:
      | component    | key                  | value       |
      | orchestrator | PreFailoverProcesses | ["sleep 8"] |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 30 seconds
    And writes are interrupted for at least 8 seconds
    And exactly 1 failover happens

  Scenario: the same hook is not waited for
    An ampersand at the end has Orchestrator start it and go on. Its exit code
    counts for nothing then.
    Given the topology "mysql-3"
    And these settings:
      | component    | key                  | value         |
      | orchestrator | PreFailoverProcesses | ["sleep 8 &"] |
    And the steady state holds
    When "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And writes are interrupted for at most 7 seconds
    And exactly 1 failover happens

  Scenario: the DNS API fails for longer than the hook has patience
    The hook tries for 30 seconds and gives up. Orchestrator takes no notice, so
    nobody tries again when the API is well: the name leads to a dead server
    until a person runs the hook.
    Given the topology "mysql-3"
    And the steady state holds
    When the DNS API answers 503
    And "mysqld" on the primary is killed
    Then a new primary is promoted within 15 seconds
    And the hook "orchestrator-post-failover" failed 1 time
    When the DNS API works again
    Then "db.shop.test" resolves to the primary within 40 seconds
    But the drill fails because "resolves to the primary within 40 seconds"
