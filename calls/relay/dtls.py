"""DTLS and SRTP by aiortc, OpenSSL and libsrtp: the only file that touches their private names.

Each of those names, and the behaviour counted on, stands in tests/calls/relay/test_contract.py. The packets of all
legs pass through two buffers of the process, `INBOUND` and `OUTBOUND`, where libsrtp works in place: a datagram is
received into the one, an outgoing packet is built in the other. Everything runs on one event loop, so nothing is in
either of them across an `await`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import pylibsrtp
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL
from pylibsrtp._binding import ffi, lib

BUFFER_SIZE: Final = 2048  # a datagram of 1500 bytes, and room for libsrtp's trailer
_inbound: Final = ffi.new("char[]", BUFFER_SIZE)
_outbound: Final = ffi.new("char[]", BUFFER_SIZE)
_length: Final = ffi.new("int *")
INBOUND: Final = memoryview(ffi.buffer(_inbound))
OUTBOUND: Final = memoryview(ffi.buffer(_outbound))
MAX_PLAIN: Final = 1484  # bytes of RTP that still fit in 1500 with the longest tag

_unprotect: Final = lib.srtp_unprotect
_protect: Final = lib.srtp_protect
_OK: Final = lib.srtp_err_status_ok
_QUEUE: Final = 32  # handshake datagrams waiting; a flight is a handful


class DtlsFailed(Exception):
    """The handshake ended without keys; the message says why. Hazard H14: a wrong certificate among the reasons."""


class Certificate:
    """The process's own, made at its start."""

    def __init__(self) -> None:
        self.rtc = RTCCertificate.generateCertificate()
        self.fingerprint: tuple[str, str] = next(
            (print_.algorithm, print_.value) for print_ in self.rtc.getFingerprints() if print_.algorithm == "sha-256"
        )


class _Path:
    """What RTCDtlsTransport wants of an RTCIceTransport. "controlled" makes it the DTLS client."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._sending = send
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUE)

    async def _recv(self) -> bytes:
        data = await self.queue.get()
        if data is None:
            self.queue.put_nowait(None)  # whoever asks again is told again
            raise ConnectionError
        return data

    def close(self) -> None:
        """End a handshake for sure: asyncio.wait_for of Python 3.11 may swallow a cancellation (CPython issue 86296),
        and OpenSSL would go on asking for eight minutes."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)

    async def _send(self, data: bytes) -> None:
        self._sending(data)


class Dtls:
    """One leg's DTLS association, and the SRTP sessions that come of it.

    `send` takes a datagram; `closed` is called once when the browser says goodbye (close_notify).
    """

    def __init__(self, certificate: Certificate, send: Callable[[bytes], None], closed: Callable[[], None]) -> None:
        self._path = _Path(send)
        self._transport: Any = RTCDtlsTransport(cast(RTCIceTransport, self._path), [certificate.rtc])
        self._closed = closed
        self._rx: Any = None
        self._tx: Any = None
        self._idle = asyncio.Event()  # no handshake goes on
        self._idle.set()
        self._rx_session: pylibsrtp.Session | None = None
        self._tx_session: pylibsrtp.Session | None = None

    async def handshake(self, fingerprints: Sequence[tuple[str, str]]) -> None:
        """Become the DTLS client and derive the SRTP keys. Raises `DtlsFailed`."""
        expected = RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints])
        self._idle.clear()
        try:
            await self._transport.start(expected)
        except (SSL.Error, ValueError) as error:  # the last of its timeouts; a certificate that cannot be read
            raise DtlsFailed(f"DTLS handshake: {type(error).__name__}") from error
        finally:
            self._idle.set()
        if self._transport.state != "connected":
            raise DtlsFailed(f"DTLS handshake: {self._transport.state}")
        # The sessions are kept for as long as their insides are used.
        self._rx_session, self._tx_session = receiving, sending = self._transport._rx_srtp, self._transport._tx_srtp
        self._rx, self._tx = receiving._srtp[0], sending._srtp[0]
        self._transport.on("statechange", self._changed)

    def _changed(self) -> None:
        if self._transport.state == "closed":
            self._closed()

    def receive(self, data: bytes) -> None:
        """A DTLS datagram of the leg's own address. Dropped when a flood of them is waiting."""
        if not self._path.queue.full():
            self._path.queue.put_nowait(data)

    async def close(self) -> None:
        """Say goodbye (close_notify) and let go of everything."""
        self._transport.remove_all_listeners()
        self._rx = self._tx = None
        self._path.close()
        await self._transport.stop()
        await self._idle.wait()  # a handshake uses what is let go of here
        self._transport._ssl = self._transport._rx_srtp = self._transport._tx_srtp = None
        self._rx_session = self._tx_session = None

    def unprotect(self, size: int) -> int:
        """Decrypt the SRTP packet in `INBOUND[:size]` in place. Its plain size, -1 if forged, replayed or broken."""
        if self._rx is None:
            return -1
        _length[0] = size
        return _length[0] if _unprotect(self._rx, _inbound, _length) == _OK else -1

    def protect(self, size: int) -> int:
        """Encrypt the RTP packet in `OUTBOUND[:size]` in place. Its size on the wire, -1 if there are no keys."""
        if self._tx is None or size > MAX_PLAIN:
            return -1
        _length[0] = size
        return _length[0] if _protect(self._tx, _outbound, _length) == _OK else -1

    def unprotect_rtcp(self, data: bytes) -> bytes | None:
        """The plain compound packet, `None` if forged, replayed or broken."""
        if self._rx_session is None:
            return None
        try:
            return self._rx_session.unprotect_rtcp(data)
        except (pylibsrtp.Error, ValueError):
            return None

    def protect_rtcp(self, data: bytes) -> bytes | None:
        """The packet on the wire, `None` if there are no keys or it is over 1352 bytes."""
        if self._tx_session is None:
            return None
        try:
            return self._tx_session.protect_rtcp(data)
        except (pylibsrtp.Error, ValueError):
            return None
