"""The browser's end of one bundled transport: a UDP socket, ICE checks, DTLS as server, SRTP.

Written on pyOpenSSL and libsrtp alone, apart from the relay's code and from aiortc's: a second opinion.
There is no task, queue or await for each packet: the socket's reader calls straight into the owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

import pylibsrtp
from aioice import stun
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from bench.description import Transport
from bench.network import Network

SrtpError: Final = pylibsrtp.Error

Clock = Callable[[], int]

_ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
_READS_PER_WAKEUP = 64
_CHECK_AGAIN = 0.05  # seconds between connectivity checks until one is answered
_CONSENT = 2.5  # seconds between them afterwards, as Chromium does (RFC 7675 asks for 5 at most)
_PRIORITY = 1_853_824_767  # of a peer-reflexive host candidate (RFC 8445 §5.1.2.1)

# What Chromium, as DTLS server, prefers: profile, length of key and of salt (RFC 5764 §4.1.2, RFC 7714 §12).
_PROFILES = {
    b"SRTP_AES128_CM_SHA1_80": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
    b"SRTP_AEAD_AES_256_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    b"SRTP_AEAD_AES_128_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
}


@functools.cache
def _identity() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """One self-signed certificate a process."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "synthetic")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    lifetime = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
        now + datetime.timedelta(days=7)
    )
    return key, lifetime.sign(key, hashes.SHA256())


def _fingerprint(certificate: x509.Certificate) -> str:
    return "sha-256 " + certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def host_address() -> str:
    """This machine's own address, as a packet to a neighbour would carry it; loopback when there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


class Peer:
    """One transport. `on_rtp(packet, now_ns)` and `on_rtcp(packet)` get decrypted bytes.

    `uplink` and `downlink` say what becomes of the datagrams sent and received; None is a perfect wire. `clock` is
    monotonic, in nanoseconds, and goes with the loop's.
    """

    def __init__(
        self,
        random: Random,
        on_rtp: Callable[[bytes, int], None],
        on_rtcp: Callable[[bytes], None],
        *,
        uplink: Network | None = None,
        downlink: Network | None = None,
        fingerprint: str | None = None,
        clock: Clock = time.monotonic_ns,
    ) -> None:
        self._random, self._on_rtp, self._on_rtcp = random, on_rtp, on_rtcp
        self.uplink, self.downlink = uplink, downlink
        self._clock = clock
        self.lost_up: Counter[int] = Counter()  # packets of each SSRC that the network lost
        self.lost_down: Counter[int] = Counter()
        self._fingerprint = fingerprint or _fingerprint(_identity()[1])
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._remote: Transport | None = None
        self._ufrag = self._password = self._setup = ""
        self._checks: dict[bytes, float] = {}  # transaction and when it was sent
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tls: SSL.Connection | None = None
        self._rx: Callable[[bytes], bytes] | None = None
        self._tx: Callable[[bytes], bytes] | None = None
        self._rx_rtcp: Callable[[bytes], bytes] | None = None
        self._tx_rtcp: Callable[[bytes], bytes] | None = None
        self._up: asyncio.Future[None] = self._loop.create_future()
        self.closed = asyncio.Event()  # the other side said goodbye, or we did
        self.srtp_profile = ""
        self.rejected = 0  # datagrams that were not authentic, or came twice
        self.refused = 0  # datagrams our own socket would not take or nobody listened for
        self.round_trip = 0.0  # seconds, of the last connectivity check

    def _now(self) -> float:
        return self._clock() / 1e9

    # ICE

    def gather(self, setup: str = "actpass") -> Transport:
        """Open a fresh socket and credentials, as at the start and for an ICE restart: what to describe.

        `setup` is "actpass" in an offer, "active" or "passive" in an answer (RFC 8842 §5).
        """
        self._setup = setup
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("0.0.0.0", 0))  # noqa: S104 - narrowed by connect() to the one address of the answer
        self._ufrag, self._password = ("".join(self._random.choices(_ALPHABET, k=length)) for length in (4, 24))
        port: int = self._socket.getsockname()[1]
        return Transport(self._ufrag, self._password, self._fingerprint, setup, ((host_address(), port),))

    def connect(self, remote: Transport) -> None:
        """Check the first candidate of `remote` until it answers, then expect DTLS, unless that is up already.

        Raises ValueError when there is no candidate to reach.
        """
        if not remote.candidates:
            raise ValueError("The answer has no UDP candidate")
        assert self._socket is not None, "gather() comes first"
        self._remote = remote
        self._socket.connect(remote.candidates[0])
        self._loop.add_reader(self._socket, self._readable)
        if self._tls is None:
            self._tls = self._new_tls()
        self._check()

    def _check(self) -> None:
        assert self._remote is not None
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self._remote.ufrag}:{self._ufrag}"
        request.attributes["PRIORITY"] = _PRIORITY
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self._remote.password.encode())
        self._checks[request.transaction_id] = self._now()
        self._send(bytes(request))
        self._later("check", _CHECK_AGAIN, self._check)

    def _stun(self, data: bytes) -> None:
        try:
            message = stun.parse_message(data)
        except (ValueError, struct.error):
            self.rejected += 1
            return
        if message.message_class == stun.Class.REQUEST and self._remote is not None:
            if not message.check_message_integrity(self._password.encode()):
                self.rejected += 1
                return
            response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
            response.attributes["XOR-MAPPED-ADDRESS"] = self._remote.candidates[0]
            response.add_message_integrity(self._password.encode())
            self._send(bytes(response))
        elif message.message_class == stun.Class.RESPONSE and self._remote is not None:
            sent = self._checks.get(message.transaction_id)
            if sent is None or not message.check_message_integrity(self._remote.password.encode()):
                self.rejected += 1
                return
            self._checks.clear()
            self.round_trip = self._now() - sent
            self._later("check", _CONSENT, self._check)
            if self._rx is None:
                self._handshake()

    # DTLS

    def _new_tls(self) -> SSL.Connection:
        key, certificate = _identity()
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_tlsext_use_srtp(b":".join(_PROFILES))
        tls = SSL.Connection(context, None)
        if self._is_server:
            tls.set_accept_state()
        else:
            tls.set_connect_state()
        return tls

    @property
    def _is_server(self) -> bool:
        return self._setup == "passive" or (self._remote is not None and self._remote.setup == "active")

    def _handshake(self) -> None:
        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self._flush()
            timeout = self._tls.DTLSv1_get_timeout()
            if timeout is not None:
                self._later("dtls", timeout, self._retransmit)
        except SSL.Error as error:
            self._fail(ConnectionError(f"DTLS failed: {error}"))
        else:
            self._flush()
            self._secure()

    def _retransmit(self) -> None:
        assert self._tls is not None
        if self._rx is None:
            self._tls.DTLSv1_handle_timeout()
            self._handshake()

    def _secure(self) -> None:
        """Check the certificate against its description and take the SRTP keys (RFC 5764 §4.2)."""
        assert self._tls is not None
        assert self._remote is not None
        certificate = self._tls.get_peer_certificate(as_cryptography=True)
        if certificate is None or _fingerprint(certificate).upper() != self._remote.fingerprint.upper():
            self._fail(ConnectionError("The certificate is not the one of the answer"))
            return
        selected = self._tls.get_selected_srtp_profile()
        profile, key_length, salt_length = _PROFILES[selected]
        self.srtp_profile = selected.decode()
        both = 2 * key_length
        material = self._tls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key_length + salt_length))
        client, server = (
            material[side * key_length : (side + 1) * key_length]
            + material[both + side * salt_length : both + (side + 1) * salt_length]
            for side in (0, 1)
        )
        ours, theirs = (server, client) if self._is_server else (client, server)

        def session(key: bytes, direction: int) -> pylibsrtp.Session:
            policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile)
            policy.allow_repeat_tx = True
            policy.window_size = 1024
            return pylibsrtp.Session(policy)

        incoming = session(theirs, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        outgoing = session(ours, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._rx, self._rx_rtcp = incoming.unprotect, incoming.unprotect_rtcp
        self._tx, self._tx_rtcp = outgoing.protect, outgoing.protect_rtcp
        if not self._up.done():
            self._up.set_result(None)

    def _dtls(self, data: bytes) -> None:
        if self._tls is None:
            return
        self._tls.bio_write(data)
        if self._rx is None:
            self._handshake()
            return
        try:
            self._tls.recv(2048)
        except SSL.WantReadError:
            self._flush()  # the last flight again, if the other side missed it
        except (SSL.ZeroReturnError, SSL.Error):
            self.closed.set()

    def _flush(self) -> None:
        assert self._tls is not None
        try:
            flight = self._tls.bio_read(4096)
        except SSL.WantReadError:
            return
        self._send(flight)

    def _fail(self, error: ConnectionError) -> None:
        self.closed.set()
        if not self._up.done():
            self._up.set_exception(error)

    async def connected(self, timeout: float) -> None:  # noqa: ASYNC109 - the face of a browser's promise, with a limit
        """Return once SRTP keys are agreed. Raises ConnectionError or TimeoutError."""
        await asyncio.wait_for(asyncio.shield(self._up), timeout)

    @property
    def is_connected(self) -> bool:
        return self._rx is not None and not self.closed.is_set()

    # Packets

    def send_rtp(self, packet: bytes) -> None:
        """Encrypt and send; nothing happens before the keys are agreed."""
        if self._tx is not None:
            self._send(self._tx(packet))

    def send_rtcp(self, compound: bytes) -> None:
        if self._tx_rtcp is not None:
            self._send(self._tx_rtcp(compound))

    def send_raw(self, datagram: bytes) -> None:
        """Bytes as they are, for tests of what a relay makes of them (hazard H11)."""
        self._send(datagram)

    def _send(self, datagram: bytes) -> None:
        if self.uplink is None:
            self._transmit(datagram)
            return
        self._carry(self.uplink, self.lost_up, datagram, self._transmit)

    def _carry(self, network: Network, lost: Counter[int], datagram: bytes, deliver: Callable[[bytes], None]) -> None:
        now = self._now()
        arrivals = network.carry(now, len(datagram))
        if not arrivals:
            lost[int.from_bytes(datagram[8:12], "big")] += 1
        for at in arrivals:
            self._loop.call_later(at - now, deliver, datagram)

    def _transmit(self, datagram: bytes) -> None:
        if self._socket is None:
            return
        try:
            self._socket.send(datagram)
        except (BlockingIOError, ConnectionRefusedError):
            self.refused += 1

    def _readable(self) -> None:
        receive = self._socket.recv if self._socket is not None else None
        if receive is None:
            return
        try:
            for _ in range(_READS_PER_WAKEUP):
                datagram = receive(2048)
                if self.downlink is None:
                    self._arrived(datagram)
                else:
                    self._carry(self.downlink, self.lost_down, datagram, self._arrived)
        except BlockingIOError:
            pass
        except OSError:
            self.refused += 1  # an ICMP error of something sent earlier

    def _arrived(self, datagram: bytes) -> None:
        """Told apart by the first byte (RFC 7983 §7), RTCP by the second (RFC 5761 §4)."""
        first = datagram[0] if datagram else 255
        if 127 < first < 192 and self._rx is not None and self._rx_rtcp is not None:
            now = self._clock()
            try:
                if 191 < datagram[1] < 224:
                    self._on_rtcp(self._rx_rtcp(datagram))
                else:
                    self._on_rtp(self._rx(datagram), now)
            except SrtpError:
                self.rejected += 1
        elif first < 4:
            self._stun(datagram)
        elif 19 < first < 64:
            self._dtls(datagram)

    def _later(self, name: str, delay: float, callback: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = self._loop.call_later(delay, callback)

    def vanish(self) -> None:
        """Stop without a word, as a crashed tab does (rule C5)."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._fail(ConnectionError("closed"))
        self._up.exception()  # asked for, so that nobody is told it never was

    def close(self) -> None:
        """Say goodbye by a DTLS alert, as a closed RTCPeerConnection does, and stop."""
        if self._tls is not None and self._rx is not None and self._socket is not None:
            with contextlib.suppress(SSL.Error):
                self._tls.shutdown()
            self._flush()
        self.vanish()
