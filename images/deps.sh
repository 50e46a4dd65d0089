#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs the Debian packages that building, running and testing Lamina need.
# Installing FRR must not start a router on this host, and one that runs must not be
# restarted: a policy-rc.d of ours says no to every service action while apt works.
set -euo pipefail

packages=(
	build-essential pkg-config git sudo
	libdpdk-dev dpdk-dev libnuma-dev libbsd-dev libjansson-dev libevent-dev libmnl-dev libseccomp-dev
	libxml2-dev libpcap-dev check
	frr runc iproute2 ethtool util-linux procps
	iputils-ping traceroute tcpdump tshark netcat-openbsd iperf3
	python3 python3-scapy python3-pytest python3-pytest-timeout
	clang clang-tidy clang-format libclang-rt-14-dev cppcheck codespell shellcheck
)

missing=()
for p in "${packages[@]}"; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || missing+=("$p")
done
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: these packages are missing: ${missing[*]}; run: sudo make deps" >&2
	exit 1
fi

policy=/usr/sbin/policy-rc.d
made_policy=
cleanup() {
	[ -z "$made_policy" ] || rm -f "$policy"
}
trap cleanup EXIT
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\n# Lamina is installing packages: start and restart nothing\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	made_policy=1
fi

echo "deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends install "${missing[@]}" </dev/null
# nor at the next boot: slivers run their own
if [[ " ${missing[*]} " == *" frr "* ]] && command -v systemctl >/dev/null &&
	systemctl --quiet disable frr.service; then
	echo "deps: frr.service is left disabled; to route with it on this host: systemctl enable --now frr"
fi
echo "deps: installed ${#missing[@]} packages"
