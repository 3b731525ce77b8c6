#!/usr/bin/env bash
# The browser stories need a Chromium and a Firefox: Debian's, installed here when we may, asked for in plain words when not.
set -eu
missing=()
found() { for name in "$@"; do command -v "$name" >/dev/null 2>&1 && return 0; done; return 1; }
found ${CHROMIUM:-} chromium chromium-browser google-chrome || missing+=(chromium)
found ${FIREFOX:-} firefox-esr firefox || missing+=(firefox-esr)
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian's ${missing[*]} for the browser stories..."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
    exit 0
fi
echo "The browser stories need ${missing[*]}. Install them (Debian: apt-get install ${missing[*]}), or name those you have: CHROMIUM=/path/to/chrome FIREFOX=/path/to/firefox make test" >&2
exit 1
