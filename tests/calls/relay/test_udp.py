"""What is looked at before a datagram is believed, and the addresses the relay binds."""

from __future__ import annotations

from struct import pack

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from calls.relay.ice import read_username
from calls.relay.udp import Address, parse_addresses


def make_check(username: str = "ours:theirs") -> bytes:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["PRIORITY"] = 1
    request.attributes["USERNAME"] = username
    request.add_message_integrity(b"secret")
    return bytes(request)


@given(st.text(max_size=100))
def test_username_is_read_wherever_it_stands(username: str) -> None:
    assert read_username(make_check(username)) == username.encode()


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        make_check()[:19],
        make_check()[:-1],
        make_check() + b"\0",
        b"\1\1" + make_check()[2:],  # a response
        make_check()[:4] + b"\0\0\0\0" + make_check()[8:],  # without the cookie
        make_check("x" * 600),  # larger than any browser's check
        pack("!HHI", 1, 8, stun.COOKIE) + bytes(12) + pack("!HHI", 0x0024, 4, 1),  # no username
        pack("!HHI", 1, 8, stun.COOKIE) + bytes(12) + pack("!HHI", 0x0006, 5, 1),  # longer than the message
    ],
    ids=["empty", "head cut", "cut", "longer", "response", "no cookie", "large", "no username", "no end"],
)
def test_what_is_no_check_has_no_username(datagram: bytes) -> None:
    assert read_username(datagram) is None


@given(st.binary(max_size=80), st.booleans())
def test_arbitrary_bytes_never_raise(data: bytes, framed: bool) -> None:
    """Hazard H11."""
    if framed:
        data = pack("!HHI", 1, len(data), stun.COOKIE) + bytes(12) + data
    found = read_username(data)
    assert found is None or found in data


def test_addresses_are_read_with_and_without_a_public_one() -> None:
    assert parse_addresses("203.0.113.5=10.0.0.5:40000, [2001:db8::1]:40000") == (
        Address("203.0.113.5", "10.0.0.5", 40000),
        Address("2001:db8::1", "2001:db8::1", 40000),
    )
    assert parse_addresses("") == ()


def test_addresses_for_tcp_alone_may_have_ports_of_their_own() -> None:
    assert parse_addresses("10.0.0.5:443,10.0.0.5:8443", one_port=False) == (
        Address("10.0.0.5", "10.0.0.5", 443),
        Address("10.0.0.5", "10.0.0.5", 8443),
    )


@pytest.mark.parametrize(
    "text", ["10.0.0.5", "10.0.0.5:x", "nowhere:1", "0.0.0.0:1", "[::]:1", "10.0.0.5:1,10.0.0.6:2", "[::1]:99999"]
)
def test_addresses_of_another_shape_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_addresses(text)
