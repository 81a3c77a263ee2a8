#!/usr/bin/env bash
# Installs what the tests need from Debian's packages, where this user may; else says what to run.
set -euo pipefail
missing=()
command -v redis-server valkey-server >/dev/null || missing+=(redis-server)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v chromium >/dev/null || missing+=(chromium)
command -v bwrap >/dev/null || missing+=(bubblewrap)
command -v unzip >/dev/null || missing+=(unzip)
command -v ip >/dev/null || missing+=(iproute2)
command -v zip >/dev/null || missing+=(zip)
command -v bsdtar >/dev/null || missing+=(libarchive-tools)
compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || missing+=(libfaketime)
command -v strace >/dev/null || missing+=(strace)
command -v curl >/dev/null || missing+=(curl)
command -v wget >/dev/null || missing+=(wget)
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -eq 0 ]; then
    sudo=()
elif sudo -n true 2>/dev/null; then
    sudo=(sudo -n)
else
    echo "The tests need packages that are not installed; run this line, then try again:" >&2
    echo "  sudo apt-get update && sudo $install" >&2
    exit 1
fi
echo "Installing what the tests need: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -q
# shellcheck disable=SC2086  # the words of the command are meant to be split
"${sudo[@]}" $install
