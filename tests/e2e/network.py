"""A person behind a router of their own: two network namespaces and two virtual cables, with rules for what passes.

    this machine (RELAY_SIDE, SECOND) ── router ── person's machine (FIRST_ADDRESS …)

The router drops without a word, as firewalls do: policy rules of the kernel, so that no firewall has to be installed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

# Addresses of this machine on that cable. Browsers take no candidate on port 443 of a private one.
RELAY_SIDE, SECOND = "203.0.113.1", "203.0.113.3"
_ROUTER_OUTSIDE, _ROUTER_INSIDE = "203.0.113.2", "10.77.2.1"
FIRST_ADDRESS, OTHER_ADDRESS = "10.77.2.2", "10.77.2.3"


class NotPermitted(Exception):
    """The message says what is missing."""


def _run(command: str) -> None:
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.strip()}")


class Network:
    """Raises NotPermitted where no namespace may be made."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("ip") is None:
            raise NotPermitted("there is no `ip` (Debian: apt-get install iproute2)")
        if os.geteuid() != 0:
            raise NotPermitted("only root may make network namespaces")
        self._folder = folder
        number = os.getpid() % 100_000
        self._router, self._machine, self._cable = f"router-{number}", f"person-{number}", f"cable{number}"
        try:
            _run(f"ip netns add {self._router}")
        except RuntimeError as error:
            raise NotPermitted(str(error)) from None
        try:
            for command in (
                f"ip netns add {self._machine}",
                f"ip link add {self._cable} type veth peer name outer netns {self._router}",
                f"ip link add inner netns {self._router} type veth peer name eth0 netns {self._machine}",
                f"ip address add {RELAY_SIDE}/24 dev {self._cable}",
                f"ip address add {SECOND}/24 dev {self._cable}",
                f"ip link set {self._cable} up",
                f"ip route add 10.77.2.0/24 via {_ROUTER_OUTSIDE}",
                f"ip -n {self._router} address add {_ROUTER_OUTSIDE}/24 dev outer",
                f"ip -n {self._router} address add {_ROUTER_INSIDE}/24 dev inner",
                f"ip -n {self._router} link set outer up",
                f"ip -n {self._router} link set inner up",
                f"ip netns exec {self._router} sysctl -qw net.ipv4.ip_forward=1",
                f"ip -n {self._machine} link set lo up",
                f"ip -n {self._machine} link set eth0 up",
            ):
                _run(command)
            self.take_address(FIRST_ADDRESS)
        except RuntimeError:
            self.close()
            raise

    def take_address(self, address: str) -> None:
        """The person's machine has this address alone from now on: what it said from another is over."""
        _run(f"ip -n {self._machine} address flush dev eth0")
        _run(f"ip -n {self._machine} address add {address}/24 dev eth0")
        _run(f"ip -n {self._machine} route replace default via {_ROUTER_INSIDE}")

    def drop(self, *matches: str) -> None:
        """Words of `ip rule`: "ipproto udp", "ipproto tcp dport 7000"."""
        for match in matches:
            _run(f"ip -n {self._router} rule add {match} blackhole")

    def program(self, path: str) -> Path:
        """`path`, started on the person's machine."""
        wrapper = self._folder / Path(path).name
        wrapper.write_text(f'#!/bin/sh\nexec ip netns exec {self._machine} {shlex.quote(path)} "$@"\n')
        wrapper.chmod(0o755)
        return wrapper

    def close(self) -> None:
        for thing in (f"link delete {self._cable}", f"netns delete {self._machine}", f"netns delete {self._router}"):
            subprocess.run(["ip", *thing.split()], capture_output=True, check=False)
