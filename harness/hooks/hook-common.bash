# shellcheck shell=bash disable=SC2034 # its variables are used by the hooks, and by name
#
# What the hooks of Orchestrator and Patroni share: configuration from a file, and one JSON line a run.
# Sourced, not run; it lies in the same folder as the hooks and linode-dns-flip.
#
# Every run appends one line to the file that FIREDRILL_HOOK_LOG names (/var/log/firedrill-hooks.log unless set), at its
# end, whatever the end was:
#   {"name":"orchestrator-post-failover","started":1764000000.123,"ended":1764000000.456,"exit":0,"args":[],
#    "action":"flip","record":"db.shop.test","target":"10.0.0.2","cause":"DeadMaster","message":"..."}
# started and ended are seconds since the epoch, to the millisecond. action is "flip" when linode-dns-flip was called,
# "none" when there was nothing to do, and "refused" when the hook did not dare to or could not. A run that was killed
# with SIGKILL (Patroni does that) leaves no line.

export LC_ALL=C
trap '' PIPE # a caller that no longer reads must not end a flip half way
trap 'exit 143' TERM

hook_name=${0##*/}
hook_dir=${BASH_SOURCE[0]%/*}
hook_args=("$@")
hook_action=none hook_record='' hook_target='' hook_cause='' hook_message=''
printf -v hook_started '%.3f' "$EPOCHREALTIME"

# load_config exports the KEY=VALUE lines of FIREDRILL_HOOK_CONFIG (/etc/firedrill/hook.env unless set). A variable that
# is set already wins. The file is read, not run; quotes around a value are taken off. A file that is not there is fine
# unless it was named.
load_config() {
    local file=${FIREDRILL_HOOK_CONFIG:-/etc/firedrill/hook.env} line key value
    if [[ ! -r $file ]]; then
        [[ -z ${FIREDRILL_HOOK_CONFIG:-} && ! -e $file ]] || refuse 2 "the configuration $file cannot be read"
        return 0
    fi
    while IFS= read -r line || [[ -n $line ]]; do
        [[ $line =~ ^[[:space:]]*(#.*)?$ ]] && continue
        [[ $line =~ ^([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || refuse 2 "$file has a line that is not KEY=VALUE"
        key=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
        if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
        [[ $key != LINODE_TOKEN ]] || refuse 2 "$file holds LINODE_TOKEN: put the token into a file of mode 0600 and name that with LINODE_TOKEN_FILE"
        [[ -n ${!key+set} ]] || export "$key=$value"
    done <"$file"
}

# refuse CODE WORDS... ends the hook without a flip, loudly.
refuse() {
    local code=$1
    shift
    hook_action=refused
    hook_message=$*
    printf '%s: FAILED (exit %d): %s\n' "$hook_name" "$code" "$*" >&2 || true
    exit "$code"
}

# nothing_to_do WORDS... ends the hook well, without a flip.
nothing_to_do() {
    hook_message=$*
    exit 0
}

# json_text sets json to its argument as a JSON string.
json_text() {
    local text=$1
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    text=${text//$'\t'/\\t}
    json="\"${text//[[:cntrl:]]/ }\""
}

# log_run writes the line of this run. A log that cannot be written (a full disk) never changes the exit code.
log_run() {
    local code=$? ended json args='' line arg pair
    trap - EXIT
    printf -v ended '%.3f' "$EPOCHREALTIME"
    for arg in "${hook_args[@]}"; do
        json_text "$arg"
        args+=${args:+,}$json
    done
    json_text "$hook_name"
    line="{\"name\":$json,\"started\":$hook_started,\"ended\":$ended,\"exit\":$code,\"args\":[$args]"
    for pair in action record target cause message; do
        local -n value=hook_$pair
        json_text "$value"
        line+=",\"$pair\":$json"
    done
    { printf '%s}\n' "$line" >>"${FIREDRILL_HOOK_LOG:-/var/log/firedrill-hooks.log}"; } 2>/dev/null || true
    exit "$code"
}
trap log_run EXIT

# resolve sets address to the IPv4 address of a host: the argument itself, or what the system's resolver says.
resolve() {
    local octet='(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])' found
    address=$1
    [[ $1 =~ ^($octet\.){3}$octet$ ]] && return
    # Bounded, since a resolver whose server is cut off keeps its caller for 20 s and more.
    found=$(timeout "${DNS_FLIP_RESOLVE_TIMEOUT:-5}" getent ahostsv4 -- "$1") || refuse 9 "the host $1 does not resolve to an IPv4 address"
    address=${found%%[[:space:]]*}
}

# flip_dns RECORD ADDRESS calls linode-dns-flip and ends the hook with its exit code. linode-dns-flip reads the rest of
# its options, and the token, from the environment.
flip_dns() {
    local code=0
    hook_action=flip hook_record=$1 hook_target=$2
    "${DNS_FLIP:-$hook_dir/linode-dns-flip}" --name "$1" --target "$2" || code=$?
    ((code == 0)) || hook_message="linode-dns-flip exited with $code"
    exit "$code"
}
