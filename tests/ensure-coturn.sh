#!/usr/bin/env bash
# The tests of the shipped TURN configuration ask a real coturn: Debian's, installed here when we may; skipped without.
set -eu
command -v turnserver >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian's coturn for the tests of deploy/turnserver.conf..."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq coturn >/dev/null
fi
