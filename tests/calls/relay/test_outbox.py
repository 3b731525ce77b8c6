"""What a UDP socket sends while datagrams are read: gathered, then sent whole and in order, or counted."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.relay.outbox import MOST, Outbox, UdpPath, runs

pytestmark = pytest.mark.media


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        for each in (sender, receiver):
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        yield sender, receiver


def everything(receiver: socket.socket) -> list[bytes]:
    received = []
    while True:
        try:
            received.append(receiver.recv(4096))
        except BlockingIOError:
            return received


@given(st.lists(st.integers(1, 4).map(lambda size: bytes(100 * size)), max_size=80))
def test_runs_are_all_there_is_in_order_and_the_kernel_can_tell_them_apart(waiting: list[bytes]) -> None:
    cut = list(runs(waiting))
    assert [datagram for run in cut for datagram in run] == waiting
    for run in cut:
        assert 1 <= len(run) <= MOST
        assert all(len(before) == len(run[0]) for before, _ in pairwise(run))
        assert len(run[-1]) <= len(run[0])


def test_what_is_held_leaves_with_the_flush_whole_and_in_order(sockets: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = sockets
    outbox = Outbox(sender, Counter())
    path = UdpPath(outbox, receiver.getsockname())
    sizes = [1200, 1200, 1200, 300, 1201, 1200, 50, 50, 1200]
    datagrams = [bytes([number]) * size for number, size in enumerate(sizes)]
    outbox.hold()
    for datagram in datagrams:
        path.send(datagram)
    assert everything(receiver) == []
    outbox.flush()
    assert everything(receiver) == datagrams
    path.send(b"at once")
    assert everything(receiver) == [b"at once"]


def test_buffer_that_is_used_again_changes_nothing_that_was_gathered(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    sender, receiver = sockets
    outbox = Outbox(sender, Counter())
    path = UdpPath(outbox, receiver.getsockname())
    buffer = memoryview(bytearray(b"first"))
    outbox.hold()
    path.send(buffer)
    buffer[:] = b"other"
    path.send(buffer)
    outbox.flush()
    assert everything(receiver) == [b"first", b"other"]


class _NoSegments(socket.socket):
    """A way whose device cannot take a run: what the kernel says of one with a smaller MTU, or that cannot sum."""

    runs = 0

    def sendmsg(self, *_: object) -> int:  # type: ignore[override]
        self.runs += 1
        raise OSError(5, "Input/output error")


def test_way_that_takes_no_segments_gets_every_datagram_by_itself() -> None:
    with (
        _NoSegments(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        dropped: Counter[str] = Counter()
        outbox = Outbox(sender, dropped)
        path = UdpPath(outbox, receiver.getsockname())
        for _ in range(2):
            outbox.hold()
            for number in range(3):
                path.send(bytes([number]) * 1000)
            outbox.flush()
        assert [each[0] for each in everything(receiver)] == [0, 1, 2, 0, 1, 2]
        assert sender.runs == 1  # and is not asked again
        assert dropped == Counter()


def test_what_cannot_be_sent_is_counted_and_costs_the_others_nothing(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    sender, receiver = sockets
    dropped: Counter[str] = Counter()
    outbox = Outbox(sender, dropped)
    nowhere, path = UdpPath(outbox, ("127.0.0.1", 0)), UdpPath(outbox, receiver.getsockname())
    outbox.hold()
    for _ in range(3):
        nowhere.send(bytes(10))
        path.send(b"here")
    outbox.flush()
    assert everything(receiver) == [b"here"] * 3
    assert dropped["send"] == 3


def test_two_checks_from_one_address_are_one_way(sockets: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = sockets
    one, other = Outbox(sender, Counter()), Outbox(receiver, Counter())
    address = receiver.getsockname()
    assert UdpPath(one, address) == UdpPath(one, address)
    assert UdpPath(one, address) != UdpPath(one, ("127.0.0.1", 9))
    assert UdpPath(one, address) != UdpPath(other, address)
    assert UdpPath(one, address) != address
