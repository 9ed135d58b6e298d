#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: image.sh NAME PACKAGE...
#
# Make the root of the guest from Debian packages and print the folder with it:
#	root.cpio	an initramfs (newc, not compressed: unpacking costs time in
#			every run) without /init; the harness appends its own archive
#	packages.json	what is in it: {"package": "version", ...}
#
# The folder is in the cache and named after its input: the packages with all
# they depend on, in the versions that apt would take now, and this script.  A
# folder that exists is complete, and is not made again.  Two runs give the
# same bytes.
#
# The guest runs no maintainer scripts, no service manager and no package
# manager: what only those need is cut away.  Shell tools are busybox, except
# where a package brings the real one.
#
# IMAGE_SUITE names another suite of Debian than bookworm.

set -eu

suite=${IMAGE_SUITE:-bookworm}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dupack
base="dash busybox-static libc6 libgcc-s1 iproute2 libnl-3-200 libnl-route-3-200
	libyaml-0-2 libjansson4 libnftables1 libssl3"

fail() {
	echo "image.sh: $*" >&2
	exit 1
}

[ $# -ge 1 ] || fail "usage: image.sh NAME PACKAGE..."
name=$1
shift
for tool in mmdebstrap bsdtar flock sha256sum apt-get; do
	command -v "$tool" >/dev/null || fail "'$tool' is missing: run 'make deps'"
done
# shellcheck disable=SC2086 # a list of words
packages=$(printf '%s\n' $base "$@" | LC_ALL=C sort -u)

# All that would be installed, a line each: "package version"
closure() {
	# shellcheck disable=SC2086
	apt-get --simulate --no-install-recommends -o Dir::State::status=/dev/null \
		-o APT::Get::Show-User-Simulation-Note=false install $packages 2>/dev/null |
		sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1 \2/p' | LC_ALL=C sort
}

mkdir -p "$cache"
exec 9>"$cache/image.lock"
flock 9
rm -rf "$cache"/image.??????	# of a run that was killed: whoever works has the lock

# apt takes seconds to answer, so its answer is kept as long as its lists are the same
question=$({ echo "$suite" "$packages"; cat "$0"; ls -l --time-style=+%s /var/lib/apt/lists
	} | sha256sum | cut -c1-16)
answer=$cache/answer-$question
if [ ! -s "$answer" ]; then
	# Where this machine's apt knows no versions, the names have to do
	versions=$(closure) || versions=
	{ echo "$suite" "${versions:-$packages}"; cat "$0"; } | sha256sum | cut -c1-16 \
		>"$answer.new"
	mv "$answer.new" "$answer"
fi
read -r hash <"$answer"
folder=$cache/image-$name-$hash

if [ -d "$folder" ]; then
	echo "$folder"
	exit 0
fi

# shellcheck disable=SC2016 # it expands there, not here
merge_usr='for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done'

# Runs in the finished root, which is its argument.  It is given as text: in a
# user namespace a file of the caller may not be readable.
# shellcheck disable=SC2016 # it expands there, not here
dress='set -eu
cd "$1"

APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --simulate --no-install-recommends \
	-o Dir::State::status=/dev/null install '$(echo "$packages" | tr '\n' ' ')' |
	sed -n "s/^Inst \([^ ]*\) (\([^ ]*\) .*/\1 \2/p" | LC_ALL=C sort >packages.list

rm -rf usr/share/doc usr/share/man usr/share/info usr/share/locale usr/share/lintian \
	usr/share/bash-completion usr/share/zsh usr/share/perl5 usr/share/perl usr/share/gdb \
	usr/share/gcc usr/share/menu usr/share/pixmaps usr/share/bug usr/share/dpkg \
	usr/share/debconf usr/share/initramfs-tools usr/share/xml usr/share/doc-base \
	usr/share/icons usr/share/strongswan usr/include usr/libexec/dpkg \
	usr/lib/systemd usr/lib/udev usr/lib/tmpfiles.d usr/lib/mime usr/lib/*/gconv \
	usr/lib/*/perl usr/lib/*/perl-base usr/bin/perl* usr/bin/dpkg* usr/sbin/dpkg* \
	usr/bin/debconf* usr/bin/udevadm usr/bin/systemd* usr/bin/update-alternatives \
	etc/systemd etc/init.d etc/default \
	etc/strongswan.d etc/swanctl etc/pam.d etc/resolv.conf etc/ipsec*
mkdir -p dev/net proc sys run tmp root etc/swanctl etc/ocserv
chmod 1777 tmp

put() {
	printf "%b" "$2" >"etc/$1"
}
put passwd "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
put group "root:x:0:\nnogroup:x:65534:\n"
put nsswitch.conf "passwd: files\ngroup: files\nhosts: files\n"
put hosts "127.0.0.1 localhost\n::1 localhost\n"
put host.conf "multi on\n"
put shells "/bin/sh\n"
: >etc/resolv.conf

ln -sf dash usr/bin/sh	# not busybox: its shell prefers its own applets to real tools
for applet in $(usr/bin/busybox --list); do
	[ -e "usr/bin/$applet" ] || [ -L "usr/bin/$applet" ] || [ -e "usr/sbin/$applet" ] ||
		ln -s busybox "usr/bin/$applet"
done
/sbin/ldconfig -r .
rm -rf var/cache/ldconfig
for needed in usr/bin/sh usr/bin/ip usr/lib/x86_64-linux-gnu/libgcc_s.so.1 etc/ld.so.cache; do
	[ -e "$needed" ] || { echo "image.sh: the root lacks $needed" >&2; exit 1; }
done
'

work=$(mktemp -d "$cache/image.XXXXXX")
# Gone with us whatever happens; mmdebstrap keeps its own temporary root there too
child=
stop() {
	[ -z "$child" ] || kill -TERM "$child" 2>/dev/null || :
	wait
	exit "$1"
}
trap 'rm -rf "$work"' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM HUP
mkdir "$work/tmp"
chmod 755 "$work" "$work/tmp"

echo "making the guest's root '$name' ($(echo "$packages" | wc -l) packages)" >&2
export SOURCE_DATE_EPOCH=0
TMPDIR=$work/tmp mmdebstrap --quiet --variant=extract --mode=auto \
	--include="$(echo "$packages" | tr '\n' ',' | sed 's/,$//')" \
	--setup-hook="$merge_usr" --extract-hook="$dress" "$suite" - >"$work/root.tar" 2>"$work/log" 9>&- &
child=$!	# in the background: a shell that waits for a command handles no signal
wait "$child" || {
	cat "$work/log" >&2
	fail "mmdebstrap failed"
}
child=
bsdtar -xOf "$work/root.tar" ./packages.list >"$work/packages.list"
[ -s "$work/packages.list" ] || fail "no list of packages came out of apt"
sed 's/^\([^ ]*\) \(.*\)$/  "\1": "\2",/; $ s/,$//; 1 s/^/{\n/; $ s/$/\n}/' \
	"$work/packages.list" >"$work/packages.json"
bsdtar --format=newc -cf "$work/root.cpio" --exclude=./packages.list --exclude=./etc/apt \
	--exclude=./var/lib/apt --exclude=./var/lib/dpkg --exclude=./var/cache --exclude=./var/log \
	"@$work/root.tar"
rm -rf "$work/tmp" "$work/root.tar" "$work/packages.list" "$work/log"
mv "$work" "$folder"
echo "$folder"
