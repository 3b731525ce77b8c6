"""ICE-TCP: the framing, what a connection may cost, and people who have no UDP (RFC 4571, RFC 6544)."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from struct import pack

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from bench.description import parse
from bench.participant import Participant, source_id
from calls.relay import tcp
from calls.relay.dtls import BUFFER_SIZE
from calls.relay.ice import PATHS_KEPT, Checks, Path
from calls.relay.node import RelayNode
from calls.relay.tcp import CLOGGED, PROVE_WITHIN, STALLED, STUCK_FOR, UNPROVEN, Oversized, TcpPort, cut_frames
from calls.relay.terms import Answer, ParticipantGone, ParticipantLive, State
from calls.relay.udp import Address
from tests.calls.relay.house import CALL, FIRST_AUDIO, FIRST_VIDEO, LOOPBACK, House, sees

HOST = "127.0.0.1"


def framed(data: bytes) -> bytes:
    return pack("!H", len(data)) + data


def check(ufrag: str, password: str, *, nominated: bool = True) -> bytes:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{ufrag}:theirs"
    if nominated:
        request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    return bytes(request)


# Framing


@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(0, 2500), max_size=8))
def test_frames_arrive_whole_however_the_stream_is_cut(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(framed, frames))
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    found, rest = [], b""
    for start, end in pairwise(edges):
        whole, rest = cut_frames(rest + stream[start:end])
        found += whole
    assert (found, rest) == (frames, b"")


@given(st.binary(max_size=3000))
def test_no_stream_makes_us_keep_more_than_a_frame(data: bytes) -> None:
    """Hazard H11."""
    try:
        _, rest = cut_frames(data)
    except Oversized:
        return
    assert len(rest) < BUFFER_SIZE + 2


# One connection and its limits, by real sockets


class Reader:
    """A peer that notes what it is told."""

    def __init__(self) -> None:
        self.heard_at = 0.0
        self.paths: list[Path] = []
        self.packets: list[bytes] = []
        self.drained: list[Path] = []
        self.lost: list[tuple[Path, bool]] = []

    def may_check(self) -> bool:
        return True

    def on_checked(self, path: Path, ufrag: str, nominated: bool, now: float) -> None:
        self.paths.append(path)

    def on_dtls(self, data: bytes) -> None:
        self.packets.append(data)

    def on_srtp(self, size: int, now: float) -> None:
        self.packets.append(bytes(tcp.INBOUND[:size]))

    def on_drained(self, path: Path, now: float) -> None:
        self.drained.append(path)

    def on_path_lost(self, path: Path, *, stalled: bool) -> None:
        self.lost.append((path, stalled))


class Door:
    """A TcpPort with one expected peer, and connections to it. `now` is its clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.dropped: Counter[str] = Counter()
        self.checks = Checks(self.dropped)
        self.peer = Reader()
        self.checks.expect(self.peer, ufrag="ours", password="secret")
        self.port = TcpPort(self.checks, lambda: self.now, self.dropped, lambda: None)
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.number = probe.getsockname()[1]
        self.port.bind([Address(HOST, HOST, self.number)])
        self.port.start()
        self.sockets: list[socket.socket] = []

    async def knock(self, *frames: bytes, window: int = 0) -> socket.socket:
        """A connection that has said these frames. `window`: bytes its receiving end holds."""
        sock = socket.socket()
        self.sockets.append(sock)
        sock.setblocking(False)
        if window:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (HOST, self.number))
        await loop.sock_sendall(sock, b"".join(map(framed, frames)))
        return sock

    async def enter(self, *, window: int = 0) -> tuple[socket.socket, Path]:
        known = len(self.peer.paths)
        sock = await self.knock(check("ours", "secret"), window=window)
        await self.until(lambda: len(self.peer.paths) > known)
        return sock, self.peer.paths[-1]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - sockets tell nobody when they have been read
                await asyncio.sleep(0.001)

    async def all_from(self, sock: socket.socket) -> bytes:
        """Everything until the relay closes."""
        received = b""
        with suppress(ConnectionResetError):  # closed with something of ours unread
            async with asyncio.timeout(5):
                while data := await asyncio.get_running_loop().sock_recv(sock, 1 << 16):
                    received += data
        return received

    def close(self) -> None:
        self.port.stop()
        for sock in self.sockets:
            sock.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    made = Door()
    yield made
    made.close()


async def test_proven_connection_is_answered_and_carries_packets_both_ways(door: Door) -> None:
    sock, path = await door.enter()
    await asyncio.get_running_loop().sock_sendall(sock, framed(b"\x80" + bytes(99)) + framed(b"\x16dtls") + framed(b""))
    await door.until(lambda: len(door.peer.packets) == 2)
    assert door.peer.packets == [b"\x80" + bytes(99), b"\x16dtls"]
    path.send(memoryview(b"\x80packet"))
    door.port.stop()
    (answer, packet), rest = cut_frames(await door.all_from(sock))
    response = stun.parse_message(answer)
    assert response.check_message_integrity(b"secret")
    assert response.attributes["XOR-MAPPED-ADDRESS"] == sock.getsockname()
    assert (packet, rest) == (b"\x80packet", b"")


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),  # a TLS ClientHello
        b"SSH-2.0-OpenSSH_9.2\r\n",
        framed(b""),
        framed(b"\x80" + bytes(40)),
        framed(check("ours", "guess")),
        framed(check("nobody", "secret")),
        framed(check("ours", "secret")[:-1]),
        framed(bytes(BUFFER_SIZE)),
    ],
    ids=["HTTP", "TLS", "SSH", "nothing", "RTP", "guessed", "nobody", "cut", "too long"],
)
async def test_who_begins_with_anything_but_a_proven_check_is_closed_without_a_byte(door: Door, first: bytes) -> None:
    """Hazards H11, H12."""
    sock = await door.knock()
    await asyncio.get_running_loop().sock_sendall(sock, first)
    assert await door.all_from(sock) == b""
    assert len(door.port) == 0
    assert door.peer.paths == []


@pytest.mark.parametrize("begun", [b"", b"\0", b"\0\x50\0\1"])
async def test_connection_that_proves_nothing_in_time_is_closed(door: Door, begun: bytes) -> None:
    sock = await door.knock()
    await asyncio.get_running_loop().sock_sendall(sock, begun)
    await door.until(lambda: len(door.port) == 1)
    door.port.tick(door.now + PROVE_WITHIN - 0.1)
    assert len(door.port) == 1
    door.port.tick(door.now + PROVE_WITHIN)
    assert await door.all_from(sock) == b""
    assert len(door.port) == 0


async def test_crowd_at_the_door_keeps_nobody_out_and_takes_no_more_than_its_share(door: Door) -> None:
    crowd = [await door.knock() for _ in range(UNPROVEN + 20)]
    await door.until(lambda: door.dropped["tcp_unproven"] == 20)
    assert len(door.port) == UNPROVEN
    assert await door.all_from(crowd[0]) == b""
    await door.enter()
    assert len(door.port) == UNPROVEN


async def test_peer_keeps_its_latest_connections_only(door: Door) -> None:
    first, _ = await door.enter()
    for _ in range(PATHS_KEPT):
        await door.enter()
    assert len(await door.all_from(first)) > 0
    assert len(door.port) == PATHS_KEPT
    await door.until(lambda: door.peer.lost == [(door.peer.paths[0], False)])


async def test_connection_of_one_cannot_become_anothers(door: Door) -> None:
    other = Reader()
    door.checks.expect(other, ufrag="others", password="known")
    sock, _ = await door.enter()
    await asyncio.get_running_loop().sock_sendall(sock, framed(check("others", "known")))
    await door.until(lambda: door.dropped["address_taken"] == 1)
    assert other.paths == []


async def test_way_that_takes_less_than_it_is_given_is_clogged_until_it_has_drained(door: Door) -> None:
    sock, path = await door.enter(window=4096)
    while not path.clogged:
        path.send(bytes(1000))
    assert isinstance(path, tcp.TcpPath)
    assert CLOGGED < path.unsent <= CLOGGED + 1002
    reading = asyncio.create_task(door.all_from(sock))
    await door.until(lambda: door.peer.drained == [path])
    assert not path.clogged
    path.send(b"last")
    await door.until(lambda: path.unsent == 0)
    door.port.stop()
    frames, rest = cut_frames(await reading)
    assert rest == b""
    assert set(frames[1:-1]) == {bytes(1000)}
    assert frames[-1] == b"last"


async def test_way_that_takes_nothing_is_closed_at_its_limit_and_its_memory_is_free(door: Door) -> None:
    _, path = await door.enter(window=4096)
    assert isinstance(path, tcp.TcpPath)
    most = 0
    while len(door.port):
        path.send(bytes(1000))
        most = max(most, path.unsent)
    assert STALLED - 1002 <= most <= STALLED
    assert path.unsent == 0
    with pytest.raises(OSError):
        path.send(bytes(1000))
    assert door.peer.lost == []  # not in the middle of a fan-out
    await door.until(lambda: door.peer.lost == [(path, True)])
    assert door.dropped["tcp_stalled"] == 1


async def test_way_on_which_nothing_moves_is_closed_though_little_waits(door: Door) -> None:
    _, path = await door.enter(window=4096)
    assert isinstance(path, tcp.TcpPath)
    while path.unsent < 1000:
        path.send(bytes(1000))
    await asyncio.sleep(0.05)  # what the other end's buffer still takes is on its way
    door.port.tick(door.now + STUCK_FOR - 0.1)
    assert len(door.port) == 1
    door.port.tick(door.now + STUCK_FOR)
    await door.until(lambda: door.peer.lost == [(path, True)])


async def test_goodbye_leaves_before_the_connection_is_closed(door: Door) -> None:
    sock, path = await door.enter()
    door.port.forget(door.peer)
    path.send(b"\x15goodbye")
    door.port.tick(door.now + tcp.LINGER)
    (_, goodbye), _ = cut_frames(await door.all_from(sock))
    assert goodbye == b"\x15goodbye"
    assert len(door.port) == 0


async def test_nothing_is_passed_on_for_somebody_who_is_forgotten(door: Door) -> None:
    sock, _ = await door.enter()
    door.port.forget(door.peer)
    await asyncio.get_running_loop().sock_sendall(sock, framed(b"\x80" + bytes(99)))
    await door.enter()  # by then the packet has arrived
    assert door.peer.packets == []


async def test_process_without_file_descriptors_tries_again_later(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """accept() that fails leaves the socket readable: tried at once again, it would take the whole processor."""
    tries = 0

    class Full:
        def __init__(self, sock: socket.socket) -> None:
            self.sock = sock

        def fileno(self) -> int:
            return self.sock.fileno()

        def close(self) -> None:
            self.sock.close()

        def accept(self) -> tuple[socket.socket, object]:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise OSError(24, "Too many open files")
            return self.sock.accept()

    door.port._listening = [Full(sock) for sock in door.port._listening]  # type: ignore[misc]
    door.port.start()
    await door.knock(check("ours", "secret"))
    await asyncio.sleep(0.05)
    assert (tries, door.peer.paths) == (1, [])
    door.port.tick(door.now)
    await door.until(lambda: len(door.peer.paths) == 1)


# People


class Wire:
    """A participant's datagrams over one TCP connection: what a browser does where UDP is blocked."""

    def __init__(self, port: int, *, window: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._near.bind((HOST, 0))
        self._far = socket.socket()
        if window:
            self._far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self._far.connect((HOST, port))
        for sock in (self._near, self._far):
            sock.setblocking(False)
        self._rest = b""
        self._participant: object = None
        self._loop.add_reader(self._near, self._up)
        self.read()

    def read(self) -> None:
        self._loop.add_reader(self._far, self._down)

    def stop_reading(self) -> None:
        self._loop.remove_reader(self._far)

    def only(self, answer: Answer) -> str:
        """The answer with this as its one address."""
        transport = parse(answer.sdp).transport
        near = self._near.getsockname()[1]
        return answer.sdp.replace(f" {transport.candidates[0][1]} typ host\r\n", f" {near} typ host\r\n")

    def _up(self) -> None:
        data, self._participant = self._near.recvfrom(2048)
        try:
            self._far.send(framed(data))
        except OSError:
            self.close()

    def _down(self) -> None:
        try:
            data = self._far.recv(1 << 16)
        except OSError:
            data = b""
        frames, self._rest = cut_frames(self._rest + data)
        for frame in frames:
            self._near.sendto(frame, self._participant)  # type: ignore[arg-type]
        if not data:
            self.close()

    def close(self) -> None:
        for sock in (self._near, self._far):
            if sock.fileno() >= 0:
                self._loop.remove_reader(sock)
                sock.close()


JoinByTcp = Callable[..., Awaitable[tuple[Participant, Wire]]]


@pytest.fixture
async def join_by_tcp(house: House) -> AsyncIterator[JoinByTcp]:
    wires: list[Wire] = []

    async def join(name: str, *, window: int = 0) -> tuple[Participant, Wire]:
        person = house.person(name)
        outcome = await house.ask(person)
        assert isinstance(outcome, Answer)
        wires.append(Wire(house.node.addresses[0].port, window=window))
        await person.answer(wires[-1].only(outcome))
        await person.connected(5)
        person.start_media()
        return person, wires[-1]

    yield join
    for wire in wires:
        wire.close()


@pytest.mark.media
async def test_answer_names_tcp_on_the_same_port_after_udp_and_further_addresses_last() -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        further = probe.getsockname()[1]
    node = RelayNode(
        addresses=LOOPBACK, tcp_addresses=[Address("203.0.113.9", HOST, further)], events=lambda event: None
    )
    await node.start()
    port = node.addresses[0].port
    try:
        shown = [(each.host, each.port, each.tcp) for each in node._ports.candidates]
        assert shown == [(HOST, port, False), (HOST, port, True), ("203.0.113.9", further, True)]
        for number in (port, further):
            _, writer = await asyncio.open_connection(HOST, number)
            writer.close()
    finally:
        await node.stop()


@pytest.mark.media
async def test_tcp_port_that_is_taken_leaves_the_relay_with_udp(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        number = taken.getsockname()[1]
        async with House(addresses=[Address(HOST, HOST, number)]) as house:
            await house.join(house.person("nina"))
            assert all(not candidate.tcp for candidate in house.node._ports.candidates)
    assert "who has no UDP cannot reach it" in caplog.text


@pytest.mark.media
async def test_somebody_without_udp_sees_and_hears_and_says_goodbye(house: House, join_by_tcp: JoinByTcp) -> None:
    nina = await house.join(house.person("nina"))
    ann, _ = await join_by_tcp("ann")
    await house.until(lambda: sees(ann, "nina") and sees(nina, "ann"))
    for person in (nina, ann):
        slots = person.stats.slots
        assert [slots[mid].lost for mid in (FIRST_AUDIO, FIRST_VIDEO)] == [0, 0]
        assert slots[FIRST_VIDEO].blind_switches == 0
    house.node.leave(CALL, "ann", 1)
    await ann.gone(1.0)


@pytest.mark.media
async def test_receiver_that_stops_reading_is_shed_and_nobody_else_notices(
    house: House, join_by_tcp: JoinByTcp
) -> None:
    nina, ben = [await house.join(house.person(name)) for name in ("nina", "ben")]
    _, wire = await join_by_tcp("ann", window=4096)
    await house.until(lambda: sees(nina, "ben") and sees(ben, "nina"))
    (leg,) = [leg for room in house.node._rooms.values() for name, leg in room.legs.items() if name == "ann"]
    path = leg._path
    assert isinstance(path, tcp.TcpPath)
    wire.stop_reading()
    await house.until(lambda: house.node.snapshot().dropped.get("clogged", 0) > 50)
    before = nina.stats.slots[FIRST_VIDEO].received, ben.stats.slots[FIRST_VIDEO].received
    await asyncio.sleep(1.0)
    assert path.unsent < CLOGGED + 32 * 1024  # pictures are no longer among it
    house.skipped += STUCK_FOR
    await house.until(lambda: house.node.snapshot().legs == 2, 2.0)
    assert house.node.snapshot().dropped["tcp_stalled"] == 1
    assert path.unsent == 0
    states = {person.participant_id: person.state for person in house.node.roster(CALL).people}
    assert states["ann"] is State.RECONNECTING  # the seat is kept (rule C5)
    for person, received in zip((nina, ben), before, strict=True):
        shown = person.stats.slots[FIRST_VIDEO]
        assert shown.received > received + 80
        assert (shown.lost, shown.blind_switches) == (0, 0)


@pytest.mark.media
async def test_receiver_that_paused_a_moment_goes_on_at_a_keyframe(house: House, join_by_tcp: JoinByTcp) -> None:
    nina = await house.join(house.person("nina"))
    ann, wire = await join_by_tcp("ann", window=4096)
    await house.until(lambda: sees(ann, "nina"))
    wire.stop_reading()
    await house.until(lambda: house.node.snapshot().dropped.get("clogged", 0) > 20)
    keyframes = nina.camera.keyframes
    wire.read()
    shown = ann.stats.slots[FIRST_VIDEO]
    await house.until(lambda: nina.camera.keyframes > keyframes)
    received = shown.received
    await house.until(lambda: shown.received > received + 50)
    assert ann.stats.slots[FIRST_AUDIO].lost == 0
    assert [event.participant_id for event in house.told(ParticipantLive)] == ["nina", "ann"]  # type: ignore[union-attr]


@pytest.mark.media
async def test_change_from_tcp_to_udp_keeps_seat_keys_and_sound(house: House, join_by_tcp: JoinByTcp) -> None:
    """From the guest network of a school to mobile data."""
    nina = await house.join(house.person("nina"))
    ann, wire = await join_by_tcp("ann")
    await house.until(lambda: sees(nina, "ann") and sees(ann, "nina"))
    wire.close()
    await ann.answer(house.node.restart(CALL, "ann", 1, await ann.offer()).sdp)
    heard = {person.name: person.stats.slots[FIRST_AUDIO].received for person in (nina, ann)}
    for person in (nina, ann):
        await person.until(lambda stats, name=person.name: stats.slots[FIRST_AUDIO].received > heard[name], 2.0)  # type: ignore[misc]
    assert nina.stats.slots[FIRST_AUDIO].source == source_id("ann", "0")
    assert house.told(ParticipantGone) == []
    assert len(house.told(ParticipantLive)) == 2
