"""People whose network lets little through, or changes under them."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Playwright

from tests.e2e.conftest import FLAGS
from tests.e2e.house import ROOT, House, Room
from tests.e2e.network import OTHER_ADDRESS, RELAY_SIDE, SECOND, Network, NotPermitted
from tests.e2e.people import WATCH_PEERS, Person

JOINED_WITHIN = 5.0  # seconds from Join to a moving picture, without another click
SILENT_AT_MOST = 2.0  # seconds without sound after the address has changed

# The way that ICE chose: protocol, kind and port of the relay's end.
CHOSEN = """async () => {
  const stats = await window.peers.at(-1).getStats();
  const transport = [...stats.values()].find(({ type }) => type === 'transport');
  const pair = stats.get(transport.selectedCandidatePairId);
  const [local, remote] = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
  return { protocol: local.relayProtocol ?? local.protocol, type: local.candidateType, port: remote.port };
}"""

# The longest time, in seconds, in which no packet of sound came, from now on.
LISTEN = """() => {
  window.silence = 0;
  let heard = [0, performance.now()];
  window.listening = setInterval(async () => {
    const peer = window.peers.at(-1);
    let packets = 0;
    for (const entry of (await peer.getStats()).values()) {
      if (entry.type === 'inbound-rtp' && entry.kind === 'audio') packets += entry.packetsReceived;
    }
    if (packets > heard[0]) heard = [packets, performance.now()];
    window.silence = Math.max(window.silence, (performance.now() - heard[1]) / 1000);
  }, 50);
}"""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    try:
        network = Network(tmp_path)
    except NotPermitted as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"Network namespaces are not to be had here: {reason}")
    yield network
    network.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((RELAY_SIDE, 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def make_house(network: Network) -> Iterator[Callable[..., House]]:
    """A house that is found on the cable to the person's router."""
    houses = []

    def make(**settings: str) -> House:
        relay = str(free_port())
        place = {"ALLOWED_HOSTS": RELAY_SIDE, "RELAY_PORT": relay, "RELAY_ADDRESSES": f"{RELAY_SIDE}:{relay}"}
        houses.append(House(host=RELAY_SIDE, **place, **settings))
        return houses[-1]

    yield make
    for house in houses:
        house.stop()


class Street:
    """Ada on this machine, a guest behind the router."""

    def __init__(self, playwright: Playwright, network: Network, house: House) -> None:
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
        flags = [
            *FLAGS,
            f"--unsafely-treat-insecure-origin-as-secure={house.url}",  # cameras want a certificate elsewhere
            "--ignore-certificate-errors",  # of the tests' own TURN server
        ]
        self.house, self.room = house, house.room()
        self._browsers = [
            playwright.chromium.launch(executable_path=program, args=flags) for program in (path, network.program(path))
        ]

    def people(self) -> tuple[Person, Person]:
        """Ada in the call, and Grace, who has not joined yet."""
        ada, grace = (
            self._person(name, browser) for name, browser in zip(("Ada", "Grace"), self._browsers, strict=True)
        )
        ada.is_signed_in(self.room.administrator)
        ada.enters_room(self.room.name)
        ada.is_connected()
        return ada, grace

    def _person(self, name: str, browser: Any) -> Person:
        context = browser.new_context(viewport={"width": 800, "height": 500}, base_url=self.house.url, locale="en-GB")
        context.grant_permissions(["camera", "microphone"], origin=self.house.url)
        context.add_init_script(WATCH_PEERS)
        return Person(name, context, self.house.url)

    def close(self) -> None:
        for browser in self._browsers:
            browser.close()


@pytest.fixture
def make_street(playwright: Playwright, network: Network) -> Iterator[Callable[[House], Street]]:
    streets = []

    def make(house: House) -> Street:
        streets.append(Street(playwright, network, house))
        return streets[-1]

    yield make
    for street in streets:
        street.close()


def joins_in_time(person: Person, room: Room, host: str) -> float:
    """Seconds from Join to the host's moving picture."""
    person.opens_link(room.link)
    person.page.get_by_label("Your name").fill(person.name)
    begun = time.monotonic()
    person.presses_join()
    person.sees_moving(host, frames=2)
    seconds = time.monotonic() - begun
    print(f"\nJoin to moving picture: {seconds:.1f} s by {person.page.evaluate(CHOSEN)}")
    return seconds


def test_network_without_udp_is_joined_by_tcp_on_the_same_port(
    network: Network, make_house: Callable[..., House], make_street: Callable[[House], Street]
) -> None:
    house = make_house()
    network.drop("ipproto udp")
    street = make_street(house)
    ada, grace = street.people()
    assert joins_in_time(grace, street.room, "Ada") <= JOINED_WITHIN
    assert grace.page.evaluate(CHOSEN)["protocol"] == "tcp"
    ada.sees_moving("Grace")
    ada.hears(1)
    grace.hears(1)


def test_network_that_passes_443_alone_is_joined_by_the_relays_own_address_there(
    network: Network, make_house: Callable[..., House], make_street: Callable[[House], Street]
) -> None:
    house = make_house(RELAY_TCP_ADDRESSES=f"{SECOND}:443")
    network.drop("ipproto udp", f"ipproto tcp dport {house.environment['RELAY_PORT']}")
    street = make_street(house)
    _, grace = street.people()
    assert joins_in_time(grace, street.room, "Ada") <= JOINED_WITHIN
    chosen = grace.page.evaluate(CHOSEN)
    assert (chosen["protocol"], chosen["port"]) == ("tcp", 443)


@pytest.fixture
def turn_server(network: Network, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The shipped coturn on port 443 of an address of its own, and the settings of a house that has it."""
    program = shutil.which("turnserver")
    if program is None:
        message = "coturn is not installed: tests/ensure-coturn.sh (Debian: apt-get install coturn)"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    secret, key, certificate = secrets.token_urlsafe(40), tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=turn.example.org",
         "-keyout", key, "-out", certificate], check=True, capture_output=True,
    )  # fmt: skip
    own = {
        "realm": "meet.example.org",
        "static-auth-secret": secret,
        "allowed-peer-ip": RELAY_SIDE,
        "listening-ip": SECOND,
        "relay-ip": SECOND,
        "cert": certificate,
        "pkey": key,
        "userdb": tmp_path / "turndb",
        "pidfile": tmp_path / "pid",
    }
    configuration = tmp_path / "turnserver.conf"
    shipped = (ROOT / "deploy/turnserver.conf").read_text()
    configuration.write_text("\n".join([shipped, *(f"{name}={value}" for name, value in own.items()), ""]))
    with (tmp_path / "coturn.log").open("wb") as log:
        server = subprocess.Popen([program, "-c", configuration], stdout=log, stderr=log)
    yield {"TURN_URLS": f"turns:{SECOND}:443?transport=tcp", "TURN_SECRET": secret}
    server.terminate()
    server.wait(10)


def test_network_that_passes_443_alone_is_joined_by_turn_over_tls(
    network: Network,
    turn_server: dict[str, str],
    make_house: Callable[..., House],
    make_street: Callable[[House], Street],
) -> None:
    house = make_house(**turn_server)
    network.drop("ipproto udp", f"ipproto tcp dport {house.environment['RELAY_PORT']}")
    street = make_street(house)
    ada, grace = street.people()
    assert joins_in_time(grace, street.room, "Ada") <= JOINED_WITHIN
    chosen = grace.page.evaluate(CHOSEN)
    assert (chosen["protocol"], chosen["type"]) == ("tls", "relay")
    ada.sees_moving("Grace")


def test_change_of_address_keeps_the_call(
    network: Network, make_house: Callable[..., House], make_street: Callable[[House], Street]
) -> None:
    street = make_street(make_house())
    ada, grace = street.people()
    joins_in_time(grace, street.room, "Ada")
    grace.hears(1)
    ada.hears(1)
    for person in (ada, grace):
        person.page.evaluate(LISTEN)
    peers = grace.page.evaluate("window.peers.length")
    network.take_address(OTHER_ADDRESS)
    ada.page.wait_for_timeout(6_000)
    ada.sees_moving("Grace")
    grace.sees_moving("Ada")
    silences = [person.page.evaluate("window.silence") for person in (ada, grace)]
    print(f"\nWithout sound: {silences[0]:.2f} s here, {silences[1]:.2f} s there")
    assert grace.page.evaluate("window.peers.length") == peers  # the same connection, the same keys
    assert max(silences) <= SILENT_AT_MOST
