"""RelayNode with real packets: synthetic participants with ICE, DTLS and SRTP of their own, on loopback."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import socket
from pathlib import Path
from struct import pack

import pytest
from aioice import stun

from bench.description import CHROMIUM, FIREFOX, Dialect, parse
from bench.network import Network
from bench.participant import Participant, source_id
from calls.relay import node as relay_node
from calls.relay import sdp
from calls.relay.node import RelayNode
from calls.relay.terms import (
    Admitted,
    Answer,
    CallEnded,
    Deadlines,
    EndReason,
    Event,
    GoneReason,
    Media,
    ParticipantGone,
    ParticipantLive,
    Policy,
    Refusal,
    State,
    TakenOver,
    Waiting,
)
from calls.relay.udp import Address, default_addresses
from tests.calls.relay.house import CALL, FIRST_AUDIO, FIRST_VIDEO, House, entrant, make_check, sees
from tests.fuzz.targets import TARGETS, unframe

pytestmark = pytest.mark.media

# Media


@pytest.mark.parametrize("dialects", [(CHROMIUM, CHROMIUM), (CHROMIUM, FIREFOX)])
async def test_two_people_see_and_hear_each_other(house: House, dialects: tuple[Dialect, Dialect]) -> None:
    nina = await house.join(house.person("nina", dialect=dialects[0]))
    guest = await house.join(house.person("guest", dialect=dialects[1]))
    for person, other in ((nina, "guest"), (guest, "nina")):
        await house.until(lambda person=person, other=other: sees(person, other))  # type: ignore[misc]
        slots = person.stats.slots
        assert slots[FIRST_AUDIO].source == source_id(other, "0")
        assert slots[FIRST_VIDEO].blind_switches == 0
        assert [slots[mid].lost for mid in (FIRST_AUDIO, FIRST_VIDEO)] == [0, 0]
        assert person.stats.unknown == 0
    assert [event.participant_id for event in house.told(ParticipantLive)] == ["nina", "guest"]  # type: ignore[union-attr]


async def test_four_people_each_see_three_others(house: House) -> None:
    people = [await house.join(house.person(name)) for name in ("nina", "ann", "ben", "cat")]
    for person in people:
        others = {source_id(other.name, "1") for other in people if other is not person}
        await house.until(
            lambda person=person, others=others: {person.stats.slots[mid].source for mid in ("4", "6", "8")} == others  # type: ignore[misc]
        )
        assert sum(person.stats.slots[mid].blind_switches for mid in ("4", "6", "8")) == 0
    assert house.node.snapshot().legs == 4


async def test_guests_alone_neither_see_nor_hear_each_other_until_a_member_comes(house: House) -> None:
    """Rule C3."""
    ann, ben = [await house.join(house.person(name)) for name in ("ann", "ben")]
    await asyncio.sleep(0.3)
    assert ann.stats.received == ben.stats.received == 0
    await house.join(house.person("nina"))
    await house.until(lambda: ann.stats.slots["4"].source == source_id("ben", "1"))
    await house.until(lambda: ann.stats.slots["6"].source == source_id("nina", "1"))


async def test_publisher_is_told_what_arrived_and_how_much_to_send(house: House) -> None:
    nina = await house.join(house.person("nina"))
    await nina.until(lambda stats: stats.remb is not None and nina.camera.ssrc in stats.reports, 3.0)
    assert nina.stats.remb is not None
    assert 2_400_000 < nina.stats.remb < 3_000_000
    assert nina.stats.reports[nina.camera.ssrc] == (0, 0)


async def test_lips_match_by_reports_on_one_clock(house: House) -> None:
    nina, guest = [await house.join(house.person(name)) for name in ("nina", "guest")]
    await guest.until(lambda stats: {FIRST_AUDIO, FIRST_VIDEO} <= stats.sender_reports.keys(), 4.0)
    (audio_at, _), (video_at, _) = (guest.stats.sender_reports[mid] for mid in (FIRST_AUDIO, FIRST_VIDEO))
    assert abs(audio_at - video_at) < 1 << 32  # within the second they were sent in
    assert nina.stats.keyframe_requests >= 1


async def test_decoder_in_trouble_gets_a_keyframe(house: House) -> None:
    nina, guest = [await house.join(house.person(name)) for name in ("nina", "guest")]
    await house.until(lambda: sees(guest, "nina"))
    await asyncio.sleep(0.5)
    before = nina.camera.keyframes
    for _ in range(5):
        guest.ask_keyframe(FIRST_VIDEO)
    await house.until(lambda: nina.camera.keyframes > before)
    await asyncio.sleep(0.3)
    assert nina.camera.keyframes == before + 1


async def test_shared_screen_reaches_everybody_else(house: House) -> None:
    nina, guest = [await house.join(house.person(name)) for name in ("nina", "guest")]
    house.node.set_media(CALL, "nina", Media(microphone=True, camera=True, screen=True))
    nina.start_media(screen=True)
    await house.until(lambda: guest.stats.slots["9"].source == source_id("nina", "2"))
    assert nina.stats.slots["9"].received == 0
    house.node.set_media(CALL, "nina", Media(microphone=True, camera=True))
    received = guest.stats.slots["9"].received
    await asyncio.sleep(0.2)
    assert guest.stats.slots["9"].received <= received + 1


async def test_what_is_lost_on_the_way_up_is_asked_for_again_and_passed_on(house: House) -> None:
    nina = await house.join(house.person("nina", uplink=Network(1, loss=0.05)))
    guest = await house.join(house.person("guest"))
    await house.until(lambda: sees(guest, "nina"))
    await asyncio.sleep(2.0)
    asked = nina.stats.nacks
    assert asked >= 5
    await house.until(lambda: nina.stats.nacks > asked)
    nina.stop_media()
    await asyncio.sleep(0.3)
    shown = guest.stats.slots[FIRST_VIDEO]
    assert shown.late >= 5
    assert shown.lost <= 2  # the last ones before the stop may have nothing behind them to show the gap


async def test_browser_that_is_not_ready_yet_misses_no_keyframe(house: House) -> None:
    """Firefox drops what comes in the first 0.3 s after the handshake: nothing comes before its own first packet."""
    await house.join(house.person("nina"))
    slow = house.person("guest")
    outcome = await house.ask(slow)
    assert isinstance(outcome, Answer)
    await slow.answer(outcome.sdp)
    await slow.peer.connected(5)
    await asyncio.sleep(0.1)
    assert slow.stats.received == 0
    await slow.connected(1)  # reports from now on
    await house.until(lambda: sees(slow, "nina"))


async def test_somebody_without_camera_and_microphone_is_live_all_the_same(house: House) -> None:
    silent = house.person("guest")
    outcome = await house.ask(silent)
    assert isinstance(outcome, Answer)
    await silent.answer(outcome.sdp)
    await silent.peer.connected(5)
    await house.until(lambda: bool(house.told(ParticipantLive)), 1.0)


# Seats and connections


async def test_fifth_waits_and_is_let_in_by_itself(house: House) -> None:
    """Rule C1."""
    people = [await house.join(house.person(name)) for name in ("nina", "ann", "ben", "cat")]
    dora = house.person("dora")
    assert isinstance(await house.ask(dora), Waiting)
    house.node.leave(CALL, "ann", 1)
    (admitted,) = house.told(Admitted)
    assert isinstance(admitted, Admitted)
    assert admitted.participant_id == "dora"
    await dora.answer(admitted.answer.sdp)
    await dora.connected(5)
    dora.start_media()
    await house.until(lambda: sees(dora, "nina"))
    await people[1].gone(1.0)


async def test_newer_join_takes_over_and_the_others_see_the_new_page(house: House) -> None:
    """Rule C4."""
    nina, ann = [await house.join(house.person(name)) for name in ("nina", "ann")]
    await house.until(lambda: sees(nina, "ann"))
    second = await house.join(house.person("ann"), connection=2)
    await ann.gone(1.0)
    assert house.told(TakenOver) == [TakenOver(CALL, "ann", 1)]
    assert house.node.snapshot().legs == 2
    await house.until(lambda: sees(second, "nina"))
    with pytest.raises(Refusal) as refusal:
        await house.ask(house.person("ann"), connection=1)
    assert refusal.value.code == "taken_over"


async def test_reload_keeps_the_seat_with_the_same_connection(house: House) -> None:
    await house.join(house.person("nina"))
    ann = await house.join(house.person("ann"))
    ann.vanish()
    again = await house.join(house.person("ann"))
    await house.until(lambda: sees(again, "nina"))
    assert house.told(ParticipantGone) == []


async def test_page_that_lost_its_socket_resumes_while_media_stands(house: House) -> None:
    nina = await house.join(house.person("nina"))
    await house.until(lambda: bool(house.told(ParticipantLive)))
    assert house.node.resume(CALL, "nina", 1) is State.CONNECTED
    with pytest.raises(Refusal, match="somewhere else"):
        house.node.resume(CALL, "nina", 0)
    with pytest.raises(Refusal, match="join again"):
        house.node.resume(CALL, "nobody", 1)
    await nina.close()
    await house.until(lambda: house.node.snapshot().legs == 0)
    with pytest.raises(Refusal, match="join again"):
        house.node.resume(CALL, "nina", 1)


async def test_closed_page_is_reconnecting_at_once(house: House) -> None:
    """A goodbye by DTLS: the seat is kept (rule C5), the leg is not."""
    ann = await house.join(house.person("ann"))
    await house.until(lambda: bool(house.told(ParticipantLive)))
    await ann.close()
    await house.until(lambda: house.node.roster(CALL).people[0].state is State.RECONNECTING)
    assert house.node.snapshot().legs == 0


async def test_crashed_tab_frees_its_seat_after_the_grace_time(house: House) -> None:
    """Rule C5, hazard H24."""
    await house.join(house.person("nina"))
    ann = await house.join(house.person("ann"))
    await house.until(lambda: len(house.told(ParticipantLive)) == 2)
    ann.vanish()
    await asyncio.sleep(0.3)
    house.skipped += 4.2
    await house.until(lambda: house.node.roster(CALL).people[1].state is State.RECONNECTING, 1.0)
    await house.until(lambda: house.node.roster(CALL).people[0].state is State.CONNECTED, 4.0)
    for _ in range(4):  # nina's packets keep her here
        house.skipped += 4.0
        await asyncio.sleep(0.1)
    await house.until(lambda: bool(house.told(ParticipantGone)), 2.0)
    (gone,) = house.told(ParticipantGone)
    assert isinstance(gone, ParticipantGone)
    assert (gone.participant_id, gone.reason) == ("ann", GoneReason.LOST)


async def longest_silence(people: list[Participant], seconds: float) -> float:
    """Seconds without a new packet of sound, of whoever waited longest for one."""
    loop = asyncio.get_running_loop()
    heard = [(person.stats.slots[FIRST_AUDIO].received, loop.time()) for person in people]
    longest, until_moment = 0.0, loop.time() + seconds
    while loop.time() < until_moment:
        await asyncio.sleep(0.005)
        for number, person in enumerate(people):
            count, at = heard[number]
            if (received := person.stats.slots[FIRST_AUDIO].received) > count:
                heard[number] = received, loop.time()
            longest = max(longest, loop.time() - at)
    return longest


async def test_network_change_moves_a_call_by_an_ice_restart(house: House) -> None:
    """From Wi-Fi to mobile data: another source port, the same keys, the same seat, two seconds of silence at most."""
    nina, ann = [await house.join(house.person(name)) for name in ("nina", "ann")]
    await house.until(lambda: sees(nina, "ann") and sees(ann, "nina"))
    (leg,) = [leg for room in house.node._rooms.values() for name, leg in room.legs.items() if name == "ann"]
    keys, lost = (leg._dtls._rx_session, leg._dtls._tx_session), ann.stats.slots[FIRST_AUDIO].lost
    silence = asyncio.create_task(longest_silence([nina, ann], 2.5))
    answer = house.node.restart(CALL, "ann", 1, await ann.offer())
    await ann.answer(answer.sdp)
    assert await silence <= 2.0
    assert (leg._dtls._rx_session, leg._dtls._tx_session) == keys
    assert ann.stats.slots[FIRST_AUDIO].lost - lost <= 10  # on their way to the address that was left
    assert sees(nina, "ann")
    assert sees(ann, "nina")
    assert house.told(ParticipantGone) == []
    assert len(house.told(ParticipantLive)) == 2


def with_spare(answer: str) -> str:
    """The answer as a page makes it by itself, when it restarts without asking."""
    spare = re.search(rf"^a={sdp.SPARE}:(\S+) (\S+)", answer, re.MULTILINE)
    assert spare is not None
    answer = re.sub(r"a=ice-ufrag:\S+", f"a=ice-ufrag:{spare[1]}", answer)
    return re.sub(r"a=ice-pwd:\S+", f"a=ice-pwd:{spare[2]}", answer)


async def test_page_without_its_socket_moves_by_the_spare_credentials_of_the_last_answer(house: House) -> None:
    """Nobody is asked; a restart that is asked for afterwards goes on from there, and the old address stays left."""
    nina, ann = await house.join(house.person("nina")), house.person("ann")
    outcome = await house.ask(ann)
    assert isinstance(outcome, Answer)
    await ann.answer(outcome.sdp)
    await ann.connected(5)
    ann.start_media()
    await house.until(lambda: sees(nina, "ann") and sees(ann, "nina"))
    before = parse(outcome.sdp).transport

    silence = asyncio.create_task(longest_silence([nina, ann], 2.5))
    await ann.offer()  # told to nobody
    await ann.answer(with_spare(outcome.sdp))
    assert await silence <= 1.0
    assert house.told(ParticipantGone) == []

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
        late.connect(before.candidates[0])
        late.send(make_check(before))  # of before the restart, delayed on the way
        received = ann.stats.slots[FIRST_VIDEO].received
        await house.until(lambda: ann.stats.slots[FIRST_VIDEO].received > received + 20)

    again = house.node.restart(CALL, "ann", 1, await ann.offer())
    await ann.answer(with_spare(again.sdp))
    received = ann.stats.slots[FIRST_VIDEO].received
    await house.until(lambda: ann.stats.slots[FIRST_VIDEO].received > received + 20)
    assert len(house.told(ParticipantLive)) == 2


async def test_credentials_of_long_ago_are_answered_no_more(house: House) -> None:
    ann = house.person("ann")
    outcome = await house.ask(ann)
    assert isinstance(outcome, Answer)
    for _ in range(10):
        house.node.restart(CALL, "ann", 1, await ann.offer())
    assert house.node._ports.held <= 4
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
        late.setblocking(False)
        late.connect(parse(outcome.sdp).transport.candidates[0])
        late.send(make_check(parse(outcome.sdp).transport))
        await asyncio.sleep(0.1)
        with pytest.raises(BlockingIOError):
            late.recv(2048)


async def test_restart_that_changes_more_than_ice_is_refused(house: House) -> None:
    await house.join(house.person("ann"))
    with pytest.raises(Refusal) as refusal:
        house.node.restart(CALL, "ann", 1, await house.person("somebody").offer())
    assert refusal.value.code == "bad_offer"


async def test_end_for_all_closes_every_leg_and_forgets_the_call(house: House) -> None:
    people = [await house.join(house.person(name)) for name in ("nina", "ann")]
    house.node.end(CALL, EndReason.MEMBER_ENDED)
    for person in people:
        await person.gone(1.0)
    assert [event.reason for event in house.told(CallEnded)] == [EndReason.MEMBER_ENDED]  # type: ignore[union-attr]
    assert (house.node.snapshot().calls, house.node.snapshot().legs) == ((), 0)
    with pytest.raises(Refusal) as refusal:
        await house.ask(house.person("ben"))
    assert refusal.value.code == "no_such_call"


async def test_removed_persons_media_stops_and_they_cannot_return(house: House) -> None:
    """Rule C7, hazard H18."""
    nina, _ = [await house.join(house.person(name)) for name in ("nina", "ann")]
    await house.until(lambda: sees(nina, "ann"))
    house.node.remove(CALL, "ann")
    received = nina.stats.slots[FIRST_VIDEO].received
    await asyncio.sleep(0.2)
    assert nina.stats.slots[FIRST_VIDEO].received <= received + 5
    with pytest.raises(Refusal) as refusal:
        await house.ask(house.person("ann"))
    assert refusal.value.code == "removed"


async def test_bad_offer_changes_no_seat(house: House) -> None:
    ann = await house.join(house.person("ann"))
    for offer in ("", "x" * 70_000, (await house.person("ann").offer()).replace("VP8", "H264")):
        with pytest.raises(Refusal) as refusal:
            house.node.join(CALL, entrant("ann", 2), offer)
        assert refusal.value.code == "bad_offer"
    assert house.told(TakenOver) == []
    assert ann.peer.is_connected


async def test_draining_node_takes_nobody_and_keeps_its_calls(house: House) -> None:
    nina = await house.join(house.person("nina"))
    house.node.drain()
    with pytest.raises(Refusal) as refusal:
        await house.ask(house.person("ann"))
    assert refusal.value.code == "draining"
    assert nina.peer.is_connected


# Hostile input


async def test_wrong_certificate_gets_no_media_and_no_seat(house: House) -> None:
    """Hazard H14."""
    nina = await house.join(house.person("nina"))
    forger = house.person("ann", fingerprint="sha-256 " + ":".join(["00"] * 32))
    outcome = await house.ask(forger)
    assert isinstance(outcome, Answer)
    await forger.answer(outcome.sdp)
    await house.until(lambda: bool(house.told(ParticipantGone)))
    (gone,) = house.told(ParticipantGone)
    assert isinstance(gone, ParticipantGone)
    assert (gone.reason, gone.was_live) == (GoneReason.REFUSED, False)
    forger.start_media()
    await asyncio.sleep(0.2)
    assert nina.stats.received == 0
    assert house.node.snapshot().legs == 1


def stranger(house: House) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", house.node.addresses[0].port))
    sock.setblocking(False)
    return sock


async def test_packets_from_another_address_reach_nobody(house: House) -> None:
    """Hazard H12: right SSRC, right payload type, another socket."""
    nina, ann = [await house.join(house.person(name)) for name in ("nina", "ann")]
    await house.until(lambda: sees(nina, "ann"))
    ann.stop_media()
    await asyncio.sleep(0.2)
    before, dropped = nina.stats.received, house.node.snapshot().dropped.get("unknown_address", 0)
    with stranger(house) as sock:
        for sequence in range(50):
            sock.send(pack("!BBHII", 0x80, 96, sequence, 0, ann.camera.ssrc) + bytes(200))
    await asyncio.sleep(0.2)
    assert nina.stats.received == before
    assert house.node.snapshot().dropped["unknown_address"] == dropped + 50


async def test_forged_packets_from_the_right_address_are_dropped(house: House) -> None:
    nina, ann = [await house.join(house.person(name)) for name in ("nina", "ann")]
    await house.until(lambda: sees(nina, "ann"))
    for sequence in range(50):
        ann.peer.send_raw(pack("!BBHII", 0x80, 96, sequence, 0, ann.camera.ssrc) + bytes(200))
    await house.until(lambda: house.node.snapshot().dropped.get("srtp", 0) == 50)
    assert nina.stats.slots[FIRST_VIDEO].foreign == 0


async def test_many_invented_streams_cost_no_memory(house: House) -> None:
    """Each SSRC that libsrtp accepts costs it a context."""
    ann = await house.join(house.person("ann"))
    for ssrc in range(1000, 1100):
        ann.peer.send_rtp(pack("!BBHII", 0x80, 96, 1, 0, ssrc) + bytes(50))
    await house.until(lambda: house.node.snapshot().dropped.get("ssrc", 0) >= 99)
    (leg,) = [leg for room in house.node._rooms.values() for leg in room.legs.values()]
    assert len(leg.upstream.by_ssrc) == 5


async def test_noise_of_every_kind_is_counted_and_the_call_goes_on(house: House) -> None:
    """Hazard H11: mutations of everything, from strangers and from a participant's own address."""
    nina, ann = [await house.join(house.person(name)) for name in ("nina", "ann")]
    await house.until(lambda: sees(nina, "ann"))
    with stranger(house) as sock:
        for number in range(2000):
            noise = bytes([number % 256]) + os.urandom(number % 200)
            sock.send(noise)
            ann.peer.send_raw(noise)
            if number % 50 == 0:
                await asyncio.sleep(0)
        sock.send(b"")
    received = nina.stats.slots[FIRST_VIDEO].received
    await house.until(lambda: nina.stats.slots[FIRST_VIDEO].received > received + 50)
    assert house.node.snapshot().dropped.get("error", 0) == 0


async def test_check_without_known_credentials_is_not_answered(house: House) -> None:
    """No amplification: neither an unknown ufrag, nor a wrong password, nor a broken check gets a byte back."""
    outcome = await house.ask(house.person("ann"))
    assert isinstance(outcome, Answer)
    transport = parse(outcome.sdp).transport
    checks = []
    for username, key in (("nobody:x", transport.password), (f"{transport.ufrag}:x", "wrong" * 5)):
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = username
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(key.encode())
        checks.append(bytes(request))
    checks += [checks[0][:-1], checks[0][:20], b"\0\1\0\0" + bytes(16)]
    with stranger(house) as sock:
        for check in checks:
            sock.send(check)
        await asyncio.sleep(0.1)
        with pytest.raises(BlockingIOError):
            sock.recv(100)
    assert house.node.snapshot().dropped["stun"] == len(checks)


async def test_another_persons_address_cannot_be_claimed_while_they_are_heard(house: House) -> None:
    """A participant's forged source address must not cut somebody else off."""
    nina, ann = [await house.join(house.person(name)) for name in ("nina", "ann")]
    await house.until(lambda: sees(nina, "ann"))
    eve = house.person("eve")
    outcome = await house.ask(eve)
    assert isinstance(outcome, Answer)
    transport = parse(outcome.sdp).transport
    ann.peer.send_raw(make_check(transport))  # as if from eve, with ann's address
    await house.until(lambda: house.node.snapshot().dropped.get("address_taken", 0) == 1)
    received = nina.stats.slots[FIRST_VIDEO].received
    await house.until(lambda: nina.stats.slots[FIRST_VIDEO].received > received + 50)


async def test_dtls_from_an_unverified_address_does_not_disturb_the_true_handshake(house: House) -> None:
    """Hazard H13: a whole flight of another server, and the beginnings of one, before the true one and beside it."""
    ann = house.person("ann")
    outcome = await house.ask(ann)
    assert isinstance(outcome, Answer)
    flight = unframe(TARGETS["dtls"].seeds[0])
    race = [*flight, b"\x16\xfe\xff" + bytes(10) + b"\x01" + os.urandom(150)]
    with stranger(house) as sock:
        for datagram in 5 * race:
            sock.send(datagram)
        await ann.answer(outcome.sdp)
        for datagram in 5 * race:
            sock.send(datagram)
            await asyncio.sleep(0.002)
        await ann.connected(5)
    assert house.node.snapshot().dropped["unknown_address"] == 10 * len(race)


async def test_leg_that_never_connects_is_closed(house: House) -> None:
    outcome = await house.ask(house.person("ann"))
    assert isinstance(outcome, Answer)
    house.skipped += 15.5
    await house.until(lambda: house.node.snapshot().legs == 0, 1.0)
    (gone,) = house.told(ParticipantGone)
    assert isinstance(gone, ParticipantGone)
    assert (gone.reason, gone.was_live) == (GoneReason.FAILED, False)


# What is left behind


def footprint(node: RelayNode) -> tuple[int, ...]:
    return (
        len(asyncio.all_tasks()),
        len(os.listdir("/proc/self/fd")),
        node._ports.held,
        sum(len(room.legs) + len(room.offers) for room in node._rooms.values()),
        len(node._goodbyes),
    )


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_thousand_joins_and_leaves_leave_nothing_behind(house: House) -> None:
    await house.join(house.person("nina"))
    person = house.person("ann")
    offer = await person.offer()

    async def come_and_go(times: int) -> None:
        for _ in range(times):
            assert isinstance(house.node.join(CALL, entrant("ann"), offer), Answer)
            house.node.leave(CALL, "ann", 1)
            house.events.clear()
            await asyncio.sleep(0)
        await house.until(lambda: not house.node._goodbyes)

    await come_and_go(300)
    gc.collect()
    before, memory = footprint(house.node), resident()
    await come_and_go(1000)
    gc.collect()
    assert footprint(house.node) == before
    assert resident() - memory < 8 << 20


async def test_connected_people_who_come_and_go_leave_nothing_behind(house: House) -> None:
    await house.join(house.person("nina"))

    async def come_and_go(times: int) -> None:
        for _ in range(times):
            person = Participant("ann")
            outcome = house.node.join(CALL, entrant("ann"), await person.offer())
            assert isinstance(outcome, Answer)
            await person.answer(outcome.sdp)
            await person.connected(5)
            person.start_media()
            house.node.leave(CALL, "ann", 1)
            await person.gone(1.0)
            await person.close()
        await house.until(lambda: not house.node._goodbyes)

    await come_and_go(5)
    gc.collect()
    before = footprint(house.node)
    await come_and_go(30)
    gc.collect()
    assert footprint(house.node) == before


async def test_stopped_node_says_goodbye_and_frees_its_port() -> None:
    async with House() as house:
        ann = await house.join(house.person("ann"))
        port = house.node.addresses[0].port
        await house.node.stop()
        await ann.gone(1.0)
        again = RelayNode(addresses=[Address("127.0.0.1", "127.0.0.1", port)], events=house.events.append)
        await again.start()
        await again.stop()


# Addresses


async def test_every_address_of_the_host_answers_on_one_port() -> None:
    async with House(addresses=list(default_addresses(0))) as house:
        outcome = await house.ask(house.person("ann"))
        assert isinstance(outcome, Answer)
        candidates = parse(outcome.sdp).transport.candidates
        assert len({port for _, port in candidates}) == 1
        assert {host for host, _ in candidates} == {address.public for address in default_addresses(0)}


async def test_news_that_cannot_be_told_takes_no_other_with_it(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Event] = []

    def tell(event: Event) -> None:
        if isinstance(event, ParticipantGone):
            raise RuntimeError
        told.append(event)

    node = RelayNode(addresses=[Address("127.0.0.1", "127.0.0.1", 0)], events=tell)
    await node.start()
    node.open(CALL, Policy(), Deadlines(), {})
    person = Participant("nina")
    node.join(CALL, entrant("nina"), await person.offer())
    node.end(CALL, EndReason.MEMBER_ENDED)
    assert isinstance(told[-1], CallEnded)
    assert "ParticipantGone could not be told" in caplog.text
    await person.close()
    await node.stop()


async def test_broken_tick_of_one_call_does_not_stop_the_others(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.node.open("other", Policy(empty_after=0.5), Deadlines(), {})
    house.node._rooms[CALL].call = None  # type: ignore[assignment]
    await house.until(lambda: bool(house.told(CallEnded)), 2.0)
    assert "relay tick failed" in caplog.text
    assert relay_node.TICK < 1
    del house.node._rooms[CALL]
