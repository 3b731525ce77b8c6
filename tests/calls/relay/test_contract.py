"""What the relay counts on in aiortc, aioice and pylibsrtp beyond their documented faces (relay.md, "DTLS and SRTP").

Private names and the behaviour behind them, so that an upgrade that moves one fails here and says which.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from importlib.metadata import version
from struct import error, pack

import pylibsrtp
import pytest
from aioice import ice, stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp._binding import ffi, lib

from calls.relay import dtls


class Pipe:
    """A transport such as RTCDtlsTransport takes: `_recv`, `_send`, `role`, `state` and no more."""

    def __init__(self, role: str) -> None:
        self.role, self.state = role, "completed"
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.other: Pipe
        self.sent: list[bytes] = []
        self.losing: range = range(0)  # which of the datagrams sent

    async def _recv(self) -> bytes:
        return await self.queue.get()

    async def _send(self, data: bytes) -> None:
        self.sent.append(data)
        if len(self.sent) - 1 not in self.losing:
            self.other.queue.put_nowait(data)


def make_pair() -> tuple[RTCDtlsTransport, RTCDtlsTransport, Pipe, Pipe]:
    """The relay's end, then a browser's."""
    near, far = Pipe("controlled"), Pipe("controlling")
    near.other, far.other = far, near
    ends = [RTCDtlsTransport(pipe, [RTCCertificate.generateCertificate()]) for pipe in (near, far)]  # type: ignore[arg-type]
    return ends[0], ends[1], near, far


async def connect(near: RTCDtlsTransport, far: RTCDtlsTransport) -> None:
    await asyncio.gather(near.start(far.getLocalParameters()), far.start(near.getLocalParameters()))


def rtp_packet(sequence: int, size: int = 100) -> bytes:
    return pack("!BBHII", 0x80, 96, sequence, 0, 1) + os.urandom(size - 12)


@pytest.mark.parametrize(("package", "series"), [("aiortc", "1.16."), ("aioice", "0.13."), ("pylibsrtp", "1.0.")])
def test_package_is_of_the_series_this_was_written_for(package: str, series: str) -> None:
    assert version(package).startswith(series)


async def test_controlled_side_is_the_dtls_client() -> None:
    near, far, pipe, _ = make_pair()
    await connect(near, far)
    assert (near.state, near._role, far._role) == ("connected", "client", "server")
    assert pipe.sent[0][0] == 22  # a handshake record,
    assert pipe.sent[0][13] == 1  # of the kind ClientHello
    await near.stop()
    await far.stop()


async def test_sessions_of_both_ends_match_and_lie_where_the_relay_takes_them() -> None:
    near, far, _, _ = make_pair()
    await connect(near, far)
    plain = rtp_packet(1)
    assert far._rx_srtp.unprotect(near._tx_srtp.protect(plain)) == plain
    assert near._rx_srtp.unprotect(far._tx_srtp.protect(plain)) == plain
    await near.stop()
    await far.stop()


async def test_another_certificate_than_the_one_told_is_not_accepted() -> None:
    """Hazard H14."""
    near, far, _, _ = make_pair()
    wrong = RTCDtlsParameters([RTCDtlsFingerprint("sha-256", ":".join(["00"] * 32))])
    await asyncio.gather(near.start(wrong), far.start(near.getLocalParameters()))
    assert near.state == "failed"
    assert near._tx_srtp is None
    await far.stop()


async def test_goodbye_of_the_other_end_is_told_by_an_event() -> None:
    near, far, _, _ = make_pair()
    await connect(near, far)
    states: list[str] = []
    near.on("statechange", lambda: states.append(near.state))
    await far.stop()
    await asyncio.sleep(0.05)
    assert states == ["closed"]
    await near.stop()


async def test_stop_leaves_no_task() -> None:
    before = len(asyncio.all_tasks())
    near, far, _, _ = make_pair()
    await connect(near, far)
    assert near._task is not None
    await near.stop()
    await far.stop()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before


async def test_lost_flight_is_sent_again_by_either_end() -> None:
    """RFC 6347 §4.2.4: aiortc reads OpenSSL's timer, so that a lossy start still comes up within 15 s."""

    async def connect_losing(ours: range, theirs: range) -> bool:
        near, far, pipe, other = make_pair()
        pipe.losing, other.losing = ours, theirs
        await connect(near, far)
        await near.stop()
        await far.stop()
        return bool(near._tx_srtp and far._tx_srtp)

    losses = [(range(n, n + 1), range(0)) for n in range(2)] + [(range(0), range(n, n + 1)) for n in range(2)]
    async with asyncio.timeout(15):
        assert all(await asyncio.gather(*(connect_losing(*each) for each in [*losses, (range(1), range(1, 2))])))


@pytest.fixture
def sessions() -> tuple[pylibsrtp.Session, pylibsrtp.Session]:
    """Sender and receiver with the policies aiortc makes."""
    key = os.urandom(30)
    made = []
    for direction in (pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND):
        policy = pylibsrtp.Policy(key=key, ssrc_type=direction)
        policy.allow_repeat_tx = True
        policy.window_size = 1024
        made.append(pylibsrtp.Session(policy))
    return made[0], made[1]


def test_packet_may_be_sent_again_and_is_taken_once(sessions: tuple[pylibsrtp.Session, pylibsrtp.Session]) -> None:
    sender, receiver = sessions
    protected = sender.protect(rtp_packet(1))
    assert sender.protect(receiver.unprotect(protected)) == protected
    with pytest.raises(pylibsrtp.Error, match="replay"):
        receiver.unprotect(protected)


def test_numbers_that_wrap_in_a_long_call_are_understood(sessions: tuple[pylibsrtp.Session, pylibsrtp.Session]) -> None:
    """RFC 3711 §3.3.1, and what was lost just before the wrap may be sent again behind it."""
    sender, receiver = sessions
    lost = {number: rtp_packet(number) for number in range(65530, 65536)}
    for number in range(32000, 2 * 65536 + 100):
        packet = lost.get(number) or rtp_packet(number & 0xFFFF, 12)
        protected = sender.protect(packet)
        if number not in lost:
            assert receiver.unprotect(protected) == packet
        if number == 65536 + 20:
            assert [receiver.unprotect(sender.protect(again)) for again in lost.values()] == [*lost.values()]


def test_public_face_refuses_rtp_over_1356_bytes(sessions: tuple[pylibsrtp.Session, pylibsrtp.Session]) -> None:
    sender, _ = sessions
    sender.protect(rtp_packet(1, 1356))
    with pytest.raises(ValueError, match="too long"):
        sender.protect(rtp_packet(2, 1357))


def test_libsrtp_works_in_place_on_a_buffer_of_ours(sessions: tuple[pylibsrtp.Session, pylibsrtp.Session]) -> None:
    sender, receiver = sessions
    buffer, length = ffi.new("char[]", dtls.BUFFER_SIZE), ffi.new("int *")
    plain = rtp_packet(7, dtls.MAX_PLAIN)
    view = memoryview(ffi.buffer(buffer))
    view[: len(plain)] = plain
    length[0] = len(plain)
    assert lib.srtp_protect(sender._srtp[0], buffer, length) == lib.srtp_err_status_ok
    assert len(plain) < length[0] <= 1500
    assert lib.srtp_unprotect(receiver._srtp[0], buffer, length) == lib.srtp_err_status_ok
    assert bytes(view[: length[0]]) == plain
    assert lib.srtp_unprotect(receiver._srtp[0], buffer, length) != lib.srtp_err_status_ok


async def test_dtls_of_ours_carries_packets_through_the_shared_buffers() -> None:
    """Bytes in, bytes out, through calls.relay.dtls itself."""
    certificate = dtls.Certificate()
    far = Pipe("controlling")
    browser = RTCDtlsTransport(far, [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    ours = dtls.Dtls(certificate, far.queue.put_nowait, lambda: None)
    far.other = Pipe("controlled")
    far.other.queue.put_nowait = ours.receive  # type: ignore[method-assign, assignment]
    expected = [(each.algorithm, each.value) for each in browser.getLocalParameters().fingerprints]
    assert ours.protect(20) == -1
    assert ours.protect_rtcp(b"\x80\xc9\0\1\0\0\0\1") is None
    told = RTCDtlsParameters([RTCDtlsFingerprint(*certificate.fingerprint)])
    await asyncio.gather(ours.handshake(expected), browser.start(told))
    plain = rtp_packet(1, 900)
    dtls.OUTBOUND[:900] = plain
    size = ours.protect(900)
    assert browser._rx_srtp.unprotect(bytes(dtls.OUTBOUND[:size])) == plain
    protected = browser._tx_srtp.protect(plain)
    dtls.INBOUND[: len(protected)] = protected
    assert ours.unprotect(len(protected)) == 900
    assert bytes(dtls.INBOUND[:900]) == plain
    dtls.INBOUND[: len(protected)] = protected
    assert ours.unprotect(len(protected)) == -1  # replayed
    assert ours.protect(dtls.MAX_PLAIN + 1) == -1
    report = b"\x80\xc9\0\1\0\0\0\1"
    assert ours.unprotect_rtcp(browser._tx_srtp.protect_rtcp(report)) == report
    assert ours.unprotect_rtcp(b"\x80\xc9" + bytes(20)) is None
    await ours.close()
    assert ours.protect(20) == ours.unprotect(20) == -1
    await browser.stop()


def make_request(username: str = "near:far", key: bytes = b"secret") -> stun.Message:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = username
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(key)
    return request


def test_check_is_read_with_what_the_relay_looks_at() -> None:
    read = stun.parse_message(bytes(make_request()))
    assert (read.attributes["USERNAME"], "USE-CANDIDATE" in read.attributes) == ("near:far", True)
    assert read.check_message_integrity(b"secret")
    assert not read.check_message_integrity(b"other")


def test_attribute_behind_the_integrity_counts_for_nothing() -> None:
    """RFC 8489 §9.1.3: USE-CANDIDATE cannot be added to somebody else's check."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = "near:far"
    request.add_message_integrity(b"secret")
    del request.attributes["FINGERPRINT"]
    request.attributes["USE-CANDIDATE"] = None
    assert "USE-CANDIDATE" not in stun.parse_message(bytes(request)).attributes


@given(st.data())
def test_damaged_check_raises_nothing_but_what_is_caught(data: st.DataObject) -> None:
    message = bytearray(bytes(make_request()))
    for _ in range(data.draw(st.integers(1, 5))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError, error):
        stun.parse_message(bytes(message)).check_message_integrity(b"secret")


def test_own_addresses_are_listed_without_loopback() -> None:
    assert all(not address.startswith("127.") and address != "::1" for address in ice.get_host_addresses(True, True))
