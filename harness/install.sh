#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Install what was built: harness/install.sh BUILD DESTDIR PREFIX.  The layout is the one
# that harness/base/home.c looks for above the program.
set -eu

build=$1
root=${2%/}${3%/}
share=$root/share/dupack

# Copy a folder without our C, which is in it compiled
tree() { # FROM TO
	find -L "$1" -type f ! -name '*.[ch]' | while read -r file; do
		mode=644
		[ ! -x "$file" ] || mode=755
		install -D -m $mode "$file" "$2/${file#"$1"/}"
	done
}

rm -rf "$share" "$root/lib/dupack" # else what an older version had would still be a case
install -D -m 755 "$build/dupack" "$root/bin/dupack"
install -D -m 755 "$build/shim.so" "$root/lib/dupack/shim.so"
find "$build/targets" -type f \( -name carrier -o -name preload.so \) | while read -r file; do
	install -D -m 755 "$file" "$root/lib/dupack/${file#"$build"/}"
done
tree cases "$share/cases"
tree targets "$share/targets"
for file in harness/guest/*.sh; do
	install -D -m 755 "$file" "$share/guest/${file##*/}"
done
install -D -m 644 harness/guest/kernel.config "$share/guest/kernel.config"
for file in harness/man/*.1; do
	[ ! -e "$file" ] || install -D -m 644 "$file" "$root/share/man/man1/${file##*/}"
done
install -D -m 644 harness/completion/dupack.bash \
	"$root/share/bash-completion/completions/dupack"
