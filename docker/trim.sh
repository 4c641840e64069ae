#!/bin/sh
# Take out of a Debian root what a running agent never uses: trim.sh /target
# Package managers, perl and programs that change users go together with their lines in dpkg's status, so that an
# inventory of the image stays true. Nothing of the root is run: it may be of another processor.
set -eu
root=${1:?the folder of the root}
[ "$(readlink -f "$root")" != / ] || { echo "trim.sh empties a copy, not the running system" >&2; exit 1; }
gone="apt debian-archive-keyring e2fsprogs gpgv libapt-pkg6.0 libext2fs2 libss2 login logsave mount passwd perl-base \
    sysvinit-utils util-linux util-linux-extra"

for package in $gone; do
    for list in "$root/var/lib/dpkg/info/$package.list" "$root/var/lib/dpkg/info/$package":*.list; do
        [ -f "$list" ] || continue
        while read -r path; do
            if [ ! -d "$root$path" ] || [ -L "$root$path" ]; then rm -f "$root$path"; fi
        done < "$list"
        rm -f "${list%.list}".*
    done
done
status=$root/var/lib/dpkg/status
if [ -s "$status" ]; then
    awk -v gone=" $gone " 'BEGIN { RS = ""; ORS = "\n\n" }
        { name = $0; sub(/^.*Package: /, "", name); sub(/\n.*/, "", name) } !index(gone, " " name " ")' "$status" > "$status.new"
    mv "$status.new" "$status"
fi

rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/info "$root"/usr/share/locale "$root"/usr/share/python-wheels \
    "$root"/usr/lib/*-linux-gnu/perl-base "$root"/usr/bin/perl* "$root"/usr/bin/apt* "$root"/usr/lib/apt "$root"/var/lib/apt "$root"/var/cache/* "$root"/var/log/*
for python in "$root"/usr/lib/python3* "$root"/usr/local/lib/python3*; do
    for package in pip setuptools pkg_resources wheel _distutils_hack distutils-precedence.pth; do
        rm -rf "$python"/*-packages/$package "$python"/*-packages/$package-*-info
    done
    rm -rf "$python"/ensurepip "$python"/idlelib "$python"/lib2to3 "$python"/tkinter "$python"/turtledemo "$python"/test
done
find "$root" -xdev -type f -perm /6000 -exec chmod a-s {} +
