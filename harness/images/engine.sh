#!/bin/sh
# Make sure that a Docker engine answers, and that base images can be made. Run by `make drill` and `make test`.
# Where the user is root on Debian or Ubuntu, what is missing is installed and started, and this says so.
# FIREDRILL_NO_INSTALL=1 forbids that.
set -eu

say() { echo "setup: $*" >&2; }

can_install() {
	[ "${FIREDRILL_NO_INSTALL:-}" != 1 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1
}

updated=
install() {
	if [ -z "$updated" ]; then
		apt-get update -qq >/dev/null
		updated=1
	fi
	say "installing $* with apt-get"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# engine says whether the engine answers at the place where the program will look for it.
engine() {
	case "${DOCKER_HOST:-unix:///var/run/docker.sock}" in
	unix://*) [ -S "${DOCKER_HOST:+${DOCKER_HOST#unix://}}" ] || [ -S /var/run/docker.sock ] || return 1 ;;
	esac
	command -v docker >/dev/null 2>&1 || return 0 # no client to ask with: the program itself will say
	docker version >/dev/null 2>&1
}

if ! engine; then
	if ! can_install; then
		say "no Docker engine answers, and it is not mine to install (not root on Debian or Ubuntu, or FIREDRILL_NO_INSTALL=1)"
		say "install and start one (Debian, Ubuntu: apt-get install docker.io), or set DOCKER_HOST, and run this again"
		exit 2
	fi
	command -v dockerd >/dev/null 2>&1 || install docker.io
	say "starting the Docker engine"
	if [ -d /run/systemd/system ]; then
		systemctl start docker
	elif ! service docker start >/dev/null 2>&1; then
		nohup dockerd >/var/log/dockerd.log 2>&1 &
	fi
	n=0
	until engine; do
		n=$((n + 1))
		if [ $n -gt 60 ]; then
			say "the Docker engine does not answer 30 s after its start: see its log, start it by hand and run this again"
			exit 2
		fi
		sleep 0.5
	done
fi

# Without a registry, base images are made by debootstrap from this machine's own apt sources.
if ! command -v debootstrap >/dev/null 2>&1 && can_install; then
	install debootstrap
fi
