#!/usr/bin/env bash
# The tests of translation make a catalogue with GNU gettext: Debian's, installed here when we may; skipped without,
# but never under CI.
set -eu
command -v xgettext >/dev/null 2>&1 && command -v msgen >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian's gettext for the tests of translation..."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gettext >/dev/null
fi
