#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: kernel.sh
#
# Build the kernel of the guest, User-Mode Linux with time travel, from Debian's
# package linux-source-6.12 and kernel.config, and print the folder with it:
#	linux		the kernel: a program of this machine
#	version.json	what it is: it goes into every verdict
#
# The folder is in the cache and named after its input: the package's version,
# the compiler, kernel.config and this script.  A folder that exists is
# complete, and is not made again.

set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dupack
package=linux-source-6.12
source=/usr/src/$package.tar.xz

fail() {
	echo "kernel.sh: $*" >&2
	exit 1
}

for tool in gcc make flex bison bc xz tar flock sha256sum; do
	command -v "$tool" >/dev/null || fail "'$tool' is missing: run 'make deps'"
done
[ -r "$source" ] || fail "'$source' is missing: run 'make deps'"
version=$(dpkg-query -W -f '${Version}' "$package") || fail "'$package' is not installed"
config_hash=$(sha256sum <"$here/kernel.config" | cut -d' ' -f1)
hash=$({
	echo "$package $version"
	gcc --version | head -n 1
	ld --version | head -n 1
	cat "$here/kernel.config" "$0"
} | sha256sum | cut -c1-16)
folder=$cache/kernel-$hash

mkdir -p "$cache"
exec 9>"$cache/kernel.lock"
flock 9
rm -rf "$cache"/kernel.??????	# of a run that was killed: whoever works has the lock
if [ -d "$folder" ]; then
	echo "$folder"
	exit 0
fi

work=$(mktemp -d "$cache/kernel.XXXXXX")
child=
stop() {
	[ -z "$child" ] || kill -TERM "$child" 2>/dev/null || :
	wait
	exit "$1"
}
trap 'rm -rf "$work"' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM HUP
mkdir "$work/source" "$work/result" "$work/tmp"
export TMPDIR="$work/tmp"

# Without the code of drivers that never are for this architecture: two thirds
# of the source.  Kconfig reads their descriptions, so those stay.
unpack() {
	sed 's/^/*\//' >"$work/exclude" <<-LIST
	Documentation/*/*
	arch/*/boot/*
	drivers/accel/*.[ch]
	drivers/clk/*.[ch]
	drivers/gpu/*.[ch]
	drivers/infiniband/*.[ch]
	drivers/media/*.[ch]
	drivers/net/ethernet/*.[ch]
	drivers/net/wireless/*.[ch]
	drivers/pinctrl/*.[ch]
	drivers/scsi/*.[ch]
	drivers/staging/*.[ch]
	drivers/usb/*.[ch]
	samples/*.[ch]
	sound/*.[ch]
	tools/perf/*
	tools/testing/*
	LIST
	xz -T0 -dc "$source" |
		tar -xf - -C "$work/source" --strip-components=1 -X "$work/exclude"
}

# In the background, since a shell handles no signal while it waits for a
# command.  Neither the folder nor the day nor the user may be in the kernel.
kmake() {
	make -C "$work/source" ARCH=um KBUILD_BUILD_TIMESTAMP='1970-01-01' \
		KBUILD_BUILD_USER=dupack KBUILD_BUILD_HOST=dupack "$@" \
		>>"$work/log" 2>&1 9>&- &
	child=$!
	wait "$child" || {
		tail -n 40 "$work/log" >&2
		fail "the kernel does not build"
	}
	child=
}

# Every line of kernel.config must hold in the end: Kconfig drops in silence
check_config() {
	while IFS= read -r line; do
		case $line in
		CONFIG_*=n) ! grep -q "^${line%n}" "$work/source/.config" ;;
		CONFIG_*) grep -qxF "$line" "$work/source/.config" ;;
		esac || fail "kernel.config: '$line' does not hold in the kernel's configuration"
	done <"$here/kernel.config"
}

echo "building the guest's kernel from $package $version (once, 5 to 7 minutes on two cores)" >&2
unpack
kmake KCONFIG_ALLCONFIG="$here/kernel.config" allnoconfig
check_config
kmake -j"$(($(nproc) + 1))" linux
strip -o "$work/result/linux" "$work/source/linux"
cat >"$work/result/version.json" <<JSON
{
  "release": "$(make -s -C "$work/source" ARCH=um kernelrelease 9>&-)",
  "package": "$package $version",
  "config_sha256": "$config_hash",
  "sha256": "$(sha256sum <"$work/result/linux" | cut -d' ' -f1)"
}
JSON
mv "$work/result" "$folder"
echo "$folder"
