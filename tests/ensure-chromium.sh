#!/usr/bin/env bash
# The browser stories need a Chromium: Debian's, installed here when we may, asked for in plain words when not.
set -eu
for name in ${CHROMIUM:-} chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian's chromium for the browser stories..."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
    exit 0
fi
echo "The browser stories need Chromium. Install it (Debian: apt-get install chromium), or name one you have: CHROMIUM=/path/to/chrome make test" >&2
exit 1
