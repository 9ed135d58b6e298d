#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Install the Debian packages that dupack needs: harness/deps.sh [GROUP...], by default all
# groups.  With everything there it asks dpkg once, changes nothing and needs no root.
set -u

packages_of() {
	case $1 in
	build) echo gcc libc6-dev make pkg-config libnl-3-dev libnl-route-3-dev libyaml-dev \
		libjansson-dev libnftables-dev libssl-dev ;;
	run) echo perl iproute2 ;;
	guest) echo linux-source-6.12 flex bison bc m4 xz-utils mmdebstrap uidmap \
		libarchive-tools ;;
	tests) echo tshark ike-scan tcpdump python3-minimal jq libxml2-utils socat openssl ;;
	fuzz) echo clang ;;
	lint) echo clang clang-format clang-tidy cppcheck shellcheck mandoc ;;
	*) fail "no group '$1': build, run, guest, tests, fuzz or lint" ;;
	esac
}

say() {
	echo "deps: $*" >&2
}

fail() {
	say "$@"
	exit 1
}

# Of the packages given, those that are not installed, in one line
missing() {
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' | awk -v want="$*" '
		$1 == "installed" { have[$2] = 1 }
		END {
			n = split(want, p, " ")
			for (i = 1; i <= n; i++)
				if (!(p[i] in have))
					line = line " " p[i]
			print substr(line, 2)
		}'
}

# Of the packages given, those that no list of apt offers, in one line
unknown() {
	for package; do
		apt-cache policy "$package" | grep -q '^  Candidate: [^(]' || echo "$package"
	done | paste -s -d ' ' -
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		fail "there is no sudo; run as root: apt-get install $absent"
	fi
}

# noninteractive also answers wireshark's question whether all users may capture: no
apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=1 \
		-o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-confold "$@" </dev/null >&2
}

[ $# -gt 0 ] || set -- build run guest tests lint
wanted=$(for group; do packages_of "$group" || exit 1; done) || exit 1
command -v dpkg-query >/dev/null ||
	fail "this is not Debian; install what is called there:" "$wanted"

# From here on, lists of packages are split into words on purpose
# shellcheck disable=SC2086
absent=$(missing $wanted)
[ -n "$absent" ] || exit 0
say "installing $absent"

# shellcheck disable=SC2086
[ -z "$(unknown $absent)" ] || apt update || say "apt-get update failed: the lists may be old"
# shellcheck disable=SC2086
nowhere=$(unknown $absent)
case " $nowhere " in
*' linux-source-6.12 '*)
	say "no source of apt's offers linux-source-6.12, of which the guest's kernel is built;"
	say "Debian 12 has it in its security archive: add the suite bookworm-security, component"
	say "main, to /etc/apt/sources.list.d/"
	exit 1
	;;
esac
[ -z "$nowhere" ] || fail "no source of apt's offers $nowhere"

# A list may be older than the archive, or the network fail: once again with new lists
# shellcheck disable=SC2086
apt install --no-install-recommends $absent || {
	say "once again, with new lists"
	apt update
	apt install --no-install-recommends $absent
} || fail "apt-get could not install $absent"
