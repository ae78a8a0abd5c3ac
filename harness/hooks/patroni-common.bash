# shellcheck shell=bash
#
# What Patroni's callbacks share: how to tell that the promotion which called them is over. Sourced, not run, after
# hook-common.bash.

# shellcheck disable=SC2317 # called by name
# promoted says whether PostgreSQL takes writes, and sets seen.
promoted() {
    seen=$(PGCONNECT_TIMEOUT=2 timeout 3 psql -XAtqw -d "${DNS_FLIP_PG_CONNINFO:-dbname=postgres}" -c 'select pg_is_in_recovery()' 2>&1) || true
    [[ ${seen##*$'\n'} == f ]] # the last line: psql may warn of its folder before it
}

# shellcheck disable=SC2317 # called by name
# leads says whether Patroni answers that this node is the running leader, and sets seen.
leads() {
    seen=$(curl -q -sk -o /dev/null -w '%{http_code}' --noproxy '*' --max-time 2 "${DNS_FLIP_PATRONI_URL:-http://127.0.0.1:8008}/primary") || true
    [[ $seen == 200 ]]
}

# wait_until CHECK repeats a check until it holds, and fails at the deadline.
wait_until() {
    until "$1"; do
        ((${EPOCHREALTIME/./} < deadline_us)) || return 1
        sleep 0.1
    done
}

# await_leadership ADDRESS_OF_NODE resolves this node's address into address and hook_target, and returns once PostgreSQL
# has left recovery and Patroni says that this node is the leader: Patroni calls before that.
await_leadership() {
    local target=$1 wait_s=${DNS_FLIP_PROMOTION_WAIT:-20} seen=''
    # The port is cut off: PATRONI_POSTGRESQL_CONNECT_ADDRESS has one.
    target=${target%:*}
    [[ -n $target ]] || refuse 2 "no address of this node: set DNS_FLIP_TARGET"
    [[ $wait_s =~ ^[0-9]+$ ]] || refuse 2 "DNS_FLIP_PROMOTION_WAIT must be whole seconds"
    resolve "$target"
    hook_target=$address
    deadline_us=$((${EPOCHREALTIME/./} + wait_s * 1000000))
    wait_until promoted || refuse 10 "PostgreSQL did not leave recovery within $wait_s s; psql says: ${seen:-nothing}"
    wait_until leads || refuse 11 "Patroni does not say that this node is the leader: GET /primary gives ${seen:-nothing}"
}
