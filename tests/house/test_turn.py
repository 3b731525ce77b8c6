"""The TURN server as shipped reaches the relay and nothing else (hazard H17): its rules read, and a real coturn."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from struct import pack, unpack_from
from uuid import uuid4

import pytest
from aioice import stun
from pytest_django.fixtures import Settings

from bench.peer import host_address
from calls import turn

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy/turnserver.conf"
RELAY = "203.0.113.7"
_PEERS = """
    0.0.0.0 0.0.0.1 1.1.1.1 8.8.8.8 10.0.0.1 10.255.255.255 100.64.0.1 127.0.0.1 127.0.0.2 127.255.255.254 169.254.0.1
    169.254.169.254 172.16.0.1 172.30.7.10 172.31.255.255 192.0.0.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1
    198.51.100.1 203.0.113.6 203.0.113.8 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:0.0.0.0 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:203.0.113.7
    64:ff9b::7f00:1 64:ff9b::a00:1 2001:db8::1 2002:7f00:1:: 2606:4700:4700::1111 fc00::1 fd00:ec2::254 fe80::1 ff02::1
"""
PEERS = tuple(_PEERS.split())


def directives() -> list[tuple[str, str]]:
    lines = (line.strip() for line in CONFIGURATION.read_text().splitlines())
    return [(name, value) for line in lines if line and line[0] != "#" for name, _, value in [line.partition("=")]]


def is_reached(peer: str, rules: Sequence[tuple[str, str]]) -> bool:
    """As coturn decides (README.turnserver, "allowed-peer-ip"): what is allowed, else what is not denied."""

    def matches(wanted: str) -> bool:
        ranges = (value.partition("-") for name, value in rules if name == wanted)
        address = ip_address(peer)
        for first, _, last in ranges:
            low, high = ip_address(first), ip_address(last or first)
            if low.version == address.version and int(low) <= int(address) <= int(high):
                return True
        return False

    return matches("allowed-peer-ip") or not matches("denied-peer-ip")


def test_nothing_but_the_relay_is_reached_by_the_shipped_configuration() -> None:
    assert len(PEERS) >= 40
    rules = [*directives(), ("allowed-peer-ip", RELAY)]
    assert [peer for peer in PEERS if is_reached(peer, rules)] == []
    assert is_reached(RELAY, rules)


def test_shipped_configuration_opens_nothing_by_itself() -> None:
    names = {name for name, _ in directives()}
    assert {"use-auth-secret", "no-tcp-relay", "no-multicast-peers", "no-cli", "user-quota"} <= names
    assert not names & {"allowed-peer-ip", "static-auth-secret", "user", "no-auth", "allow-loopback-peers", "verbose"}


def test_house_without_a_turn_server_names_none(settings: Settings) -> None:
    settings.TURN_URLS = []
    assert turn.ice_servers(uuid4(), now=0) == []


# The real one


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[tuple[str, int], str]]:
    """Its address and its secret; it relays from this machine's own addresses, and only to the first of them."""
    program = shutil.which("turnserver")
    if program is None:
        message = "coturn is not installed: tests/ensure-coturn.sh (Debian: apt-get install coturn)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    folder, secret = tmp_path_factory.mktemp("coturn"), secrets.token_urlsafe(40)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    own = {"realm": "tests", "static-auth-secret": secret, "allowed-peer-ip": host_address()}
    places = {"userdb": folder / "turndb", "pidfile": folder / "pid"}
    listens = {"listening-ip": address[0], "listening-port": address[1], "min-port": 49152, "max-port": 49999}
    lines = [f"{name}={value}" for name, value in (own | places | listens).items()]
    lines += [f"relay-ip={relay}" for relay in (host_address(), own_ipv6()) if relay]
    configuration = folder / "turnserver.conf"
    configuration.write_text("\n".join([CONFIGURATION.read_text(), "no-tls", *lines, ""]))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, "-c", configuration], stdout=log, stderr=log)
    try:
        until = time.monotonic() + 10
        while Turn(address, "", "").allocate() is None:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError((folder / "log").read_text())
        yield address, secret
    finally:
        server.terminate()
        server.wait(10)


def own_ipv6() -> str:
    """This machine's own, "" when it has none but loopback."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("2001:db8::1", 9))  # sends nothing
        except OSError:
            return ""
        return str(probe.getsockname()[0])


class Turn:
    """As much of a TURN client (RFC 8656) as asks who would be reached. Answers: error codes, 0 done, None silence."""

    def __init__(self, server: tuple[str, int], username: str, password: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0.5)
        self._socket.connect(server)
        self._username, self._password = username, password
        self._signature: tuple[bytes, bytes] | None = None  # attributes, key

    def allocate(self, *, ipv6: bool = False) -> int | None:
        family = [(0x0017, b"\2\0\0\0")] if ipv6 else []
        return self._ask_signed(0x003, [(0x0019, b"\x11\0\0\0"), *family])

    def permit(self, peer: str) -> int | None:
        """CreatePermission."""
        return self._ask_signed(0x008, [(0x0012, (peer, 7000))])

    def close(self) -> None:
        self._socket.close()

    def _ask_signed(self, method: int, attributes: list[tuple[int, bytes | tuple[str, int]]]) -> int | None:
        code, answer = self._ask(method, attributes)
        if code in (401, 438) and answer is not None and self._username:
            realm, nonce = answer.attributes.get("REALM", "tests"), answer.attributes["NONCE"]
            named = [(0x0006, self._username.encode()), (0x0014, realm.encode()), (0x0015, nonce)]
            key = hashlib.md5(f"{self._username}:{realm}:{self._password}".encode()).digest()
            self._signature = b"".join(attribute(*each) for each in named), key
            code, _ = self._ask(method, attributes)
        return code

    def _ask(
        self, method: int, attributes: list[tuple[int, bytes | tuple[str, int]]]
    ) -> tuple[int | None, stun.Message | None]:
        transaction = secrets.token_bytes(12)
        body = b"".join(
            attribute(kind, value if isinstance(value, bytes) else stun.pack_xor_address(value, transaction))
            for kind, value in attributes
        )
        signature, key = self._signature or (b"", b"")
        body += signature
        head = pack("!HHI", method, len(body) + (24 if key else 0), stun.COOKIE) + transaction
        if key:
            body += attribute(0x0008, hmac.digest(key, head + body, hashlib.sha1))
        try:
            self._socket.send(head + body)
            data = self._socket.recv(2000)
        except (TimeoutError, ConnectionRefusedError):
            return None, None
        answer = stun.parse_message(data)
        return (answer.attributes["ERROR-CODE"][0] if unpack_from("!H", data)[0] & 0x0110 == 0x0110 else 0), answer


def attribute(kind: int, value: bytes) -> bytes:
    return pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


Coturn = tuple[tuple[str, int], str]


def admitted(coturn: Coturn, settings: Settings, *, now: float | None = None) -> Turn:
    """With what `welcome` gives to somebody who has a seat."""
    address, settings.TURN_SECRET = coturn
    settings.TURN_URLS = [f"turn:{address[0]}:{address[1]}"]
    (server,) = turn.ice_servers(uuid4(), now=time.time() if now is None else now)
    assert server["urls"] == settings.TURN_URLS
    return Turn(address, server["username"], server["credential"])


@pytest.mark.media
def test_real_coturn_refuses_every_peer_but_the_relay(coturn: Coturn, settings: Settings) -> None:
    for version in (4, 6) if own_ipv6() else (4,):
        client = admitted(coturn, settings)
        assert client.allocate(ipv6=version == 6) == 0
        peers = [peer for peer in PEERS if ip_address(peer).version == version]
        assert {peer: client.permit(peer) for peer in peers} == dict.fromkeys(peers, 403)
        if version == 4:
            assert client.permit(host_address()) == 0
        client.close()


@pytest.mark.media
def test_real_coturn_gives_strangers_and_latecomers_nothing(coturn: Coturn, settings: Settings) -> None:
    late = admitted(coturn, settings, now=time.time() - turn.LIFETIME - 1)
    stranger = Turn(coturn[0], f"{int(time.time()) + 300}:somebody", "guess")
    for client in (late, stranger, Turn(coturn[0], "", "")):
        assert client.allocate() == 401
        client.close()


@pytest.mark.media
def test_real_coturn_gives_one_seat_few_allocations(coturn: Coturn, settings: Settings) -> None:
    address, settings.TURN_SECRET = coturn
    settings.TURN_URLS = ["turn:somewhere"]
    (server,) = turn.ice_servers(uuid4(), now=time.time())
    clients = [Turn(address, server["username"], server["credential"]) for _ in range(12)]
    codes = [client.allocate() for client in clients]
    for client in clients:
        client.close()
    assert codes == [0] * 8 + [486] * 4
