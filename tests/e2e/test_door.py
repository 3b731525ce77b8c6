"""Before the call (rule C8): from the link to a face, whatever is wrong with a camera, a microphone or the network.

What is wrong is made at the browser's own seams: an init script in which `getUserMedia` rejects as a browser does.
"""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Invite
from tests.e2e.house import House, Room
from tests.e2e.looks import Look
from tests.e2e.people import Person
from tests.e2e.test_meeting import member_enters
from tests.e2e.test_pages import watch

pytestmark = pytest.mark.long

# `refused` names the error for each kind of track; the tests change it while the page is open.
REFUSE = """
window.refused = %s;
const open = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = async function (constraints) {
  for (const kind of Object.keys(constraints)) {
    if (window.refused[kind]) throw new DOMException(...window.refused[kind]);
  }
  return open.call(this, constraints);
};
"""
DENIED = ["Permission denied", "NotAllowedError"]
DISMISSED = ["Permission dismissed", "NotAllowedError"]
DENIED_BY_SYSTEM = ["Permission denied by system", "NotAllowedError"]
MISSING = ["Requested device not found", "NotFoundError"]
BUSY = ["Could not start video source", "NotReadableError"]

# A second camera that can be pulled out, behind the one that Chromium makes up.
PLUGS = """
window.cameras = 2;
const list = MediaDevices.prototype.enumerateDevices;
MediaDevices.prototype.enumerateDevices = async function () {
  const found = await list.call(this);
  const camera = found.find(({ kind }) => kind === 'videoinput');
  const others = found.filter(({ kind }) => kind !== 'videoinput');
  const extra = { kind: 'videoinput', deviceId: 'extra', groupId: 'extra', label: 'Camera on the desk' };
  return [...others, ...[camera, extra].slice(0, window.cameras)];
};
window.plug = (cameras) => {
  window.cameras = cameras;
  navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
};
"""

# What of the relay's answer reaches the browser.
CANDIDATES = """
const set = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function (description) {
  const lines = description.sdp.split('\\r\\n');
  const sdp = lines.flatMap((line) => (line.startsWith('a=candidate:') ? (%s)(line) : [line])).join('\\r\\n');
  return set.call(this, { type: description.type, sdp });
};
"""
TCP_ONLY = CANDIDATES % "(line) => (/ tcp /.test(line) ? [line] : [])"
NO_WAY = CANDIDATES % "(line) => [line.replace(/ \\d+ typ host/, ' 9 typ host')]"  # the discard port: nobody is there

# The way that was chosen, and what came back by it so far.
MIRROR = """async () => {
  const stats = [...(await window.peers.at(-1).getStats()).values()];
  const by = (id) => stats.find((entry) => entry.id === id);
  const pair = by(stats.find(({ type }) => type === 'transport')?.selectedCandidatePairId);
  const noise = stats.filter(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
  return {
    protocol: by(pair?.localCandidateId)?.protocol,
    port: by(pair?.remoteCandidateId)?.port,
    frames: Math.max(0, ...noise.map(({ framesDecoded }) => framesDecoded ?? 0)),
    microphones: stats.filter(({ type, kind }) => type === 'media-source' && kind === 'audio').length,
  };
}"""

# What this page's camera and microphone have sent in the call.
SENT = """async () => {
  const sent = { audio: 0, video: 0 };
  for (const { type, kind, packetsSent } of (await window.peers.at(-1).getStats()).values()) {
    if (type === 'outbound-rtp') sent[kind] += packetsSent;
  }
  return sent;
}"""

FOCUSED = "document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent"

VERDICT = re.compile("Your connection (is good|may be slow|is weak)")  # a busy machine is a slow network

PICTURE = "document.querySelector('[data-part=picture]').getVideoPlaybackQuality().totalVideoFrames"


def comes(invite: Invite, name: str) -> Person:
    """With the mirror in view: browsers draw no other."""
    return invite(name, viewport={"width": 1280, "height": 800})


def refusing(invite: Invite, name: str, **refused: list[str]) -> Person:
    """`audio` and `video`: the message and name of the error that the browser gives."""
    person = comes(invite, name)
    person.context.add_init_script(REFUSE % json.dumps(refused))
    return person


def finds(person: Person, what: str, value: str, seconds: float = 20) -> None:
    """The preview has found this."""
    found = f"document.querySelector('[data-preview]').dataset.{what}"
    person.until(lambda: person.page.evaluate(found) == value, f"{what} is {value}", seconds)


def sees_oneself_moving(person: Person) -> None:
    before: int = person.page.evaluate(PICTURE)
    person.until(lambda: person.page.evaluate(PICTURE) > before + 3, f"{person.name} moves in the mirror")


def test_three_taps_lead_to_a_face_and_members_read_what_was_tested(invite: Invite, room: Room) -> None:
    """Open, allow, Join: the name is on the device, by consent given the last time."""
    grace = invite("Grace")
    grace.opens_link(room.link)
    grace.page.get_by_label("Your name").fill("Grace")
    grace.page.get_by_label("Remember my name on this device").check()
    grace.presses_join()
    grace.is_connected()
    grace.leaves()

    ada = member_enters(invite, room)
    grace.opens_link(room.link)
    expect(grace.page.get_by_label("Your name")).to_have_value("Grace")
    finds(grace, "heard", "")
    grace.presses_join()
    grace.sees_moving("Ada")

    ada.page.get_by_role("button", name="More").click()
    ada.page.get_by_role("menuitem", name="Participants").or_(ada.page.locator("#open-participants")).first.click()
    ada.reads("Microphone tested · Camera tested")
    grace.page.reload()  # what was found stays with the seat
    grace.sees_moving("Ada")
    ada.reads("Microphone tested · Camera tested")
    expect(grace.page.get_by_text("Microphone tested")).to_have_count(0)


def test_name_is_kept_only_by_consent(invite: Invite, room: Room) -> None:
    grace = invite("Grace")
    grace.joins_by(room.link)
    grace.is_connected()
    grace.opens_link(room.link)
    expect(grace.page.get_by_label("Your name")).to_have_value("")


def test_denied_devices_are_explained_and_joining_without_them_works_by_keyboard(
    invite: Invite, room: Room, house: House
) -> None:
    ada, grace = member_enters(invite, room), refusing(invite, "Grace", audio=DENIED, video=DENIED)
    faults = watch(grace, house)
    grace.opens_link(room.link)
    grace.reads("Your browser is not allowed to use your camera and microphone.")
    grace.reads("press the sign with two small sliders, or the padlock")
    keyboard = grace.page.keyboard
    expect(grace.page.get_by_label("Your name")).to_be_focused()
    keyboard.type("Grace")
    keyboard.press("Enter")
    grace.sees_moving("Ada")
    grace.hears(1)
    ada.sees_tile("Grace")
    assert grace.page.evaluate(SENT) == {"audio": 0, "video": 0}
    assert not faults


@pytest.mark.parametrize(
    ("name", "refused", "sentences"),
    [
        (
            "camera-missing",
            {"video": MISSING},
            ["We cannot find a camera. You can go on without one", "Some laptops have a key or a small slide"],
        ),
        (
            "microphone-missing",
            {"audio": MISSING},
            ["We cannot find a microphone, so nobody would hear you.", "If it has a cable, pull the cable out"],
        ),
        (
            "microphone-busy",
            {"audio": BUSY},
            ["Another program is using your microphone.", "Teams, Zoom, Skype, FaceTime"],
        ),
        ("dismissed", {"audio": DISMISSED, "video": DISMISSED}, ["got no answer. Press “Try again”, then “Allow”."]),
        (
            "kept-by-system",
            {"audio": DENIED_BY_SYSTEM, "video": DENIED_BY_SYSTEM},
            ["Your device keeps the camera and the microphone back from your browser."],
        ),
    ],
)
def test_each_trouble_says_what_to_do_and_costs_nothing_else(
    invite: Invite, room: Room, look: Look, name: str, refused: dict[str, list[str]], sentences: list[str]
) -> None:
    ada, grace = member_enters(invite, room), refusing(invite, "Grace", **refused)
    grace.opens_link(room.link)
    for sentence in sentences:
        grace.reads(sentence)
    look(grace, f"door-{name}")
    if "video" not in refused:
        sees_oneself_moving(grace)
    grace.page.get_by_label("Your name").fill("Grace")
    grace.presses_join()
    grace.sees_moving("Ada")
    if "video" not in refused:
        ada.sees_moving("Grace")
    if "audio" not in refused:
        ada.hears(1)


def test_trouble_that_is_mended_needs_one_press(invite: Invite, room: Room) -> None:
    grace = refusing(invite, "Grace", video=BUSY)
    grace.opens_link(room.link)
    grace.reads("Another program is using your camera.")
    grace.page.evaluate("window.refused = {}")
    grace.page.get_by_role("button", name="Try again").click()
    sees_oneself_moving(grace)
    expect(grace.page.get_by_text("Another program is using your camera.")).to_have_count(0)


def test_page_without_https_says_so_before_anything_fails(invite: Invite, house: House, look: Look) -> None:
    grace = invite("Grace")
    grace.context.add_init_script(
        "Object.defineProperty(window, 'isSecureContext', { value: false });"
        "Object.defineProperty(navigator, 'mediaDevices', { value: undefined });"
    )
    grace.goes_to("/device-test/")
    grace.reads("This page’s address does not begin with https")
    look(grace, "door-insecure")


def test_everything_is_tried_by_keyboard_and_what_was_chosen_is_remembered(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), comes(invite, "Grace")
    grace.opens_link(room.link)
    sees_oneself_moving(grace)
    keyboard, page = grace.page.keyboard, grace.page

    def tab_to(name: str) -> None:
        for _ in range(20):
            keyboard.press("Tab")
            if name in page.evaluate(FOCUSED):
                return
        raise AssertionError(f"{name} cannot be reached")

    tab_to("Play a test sound")
    keyboard.press("Enter")
    expect(page.get_by_text("Did you hear it?")).to_be_visible(timeout=5_000)
    tab_to("Yes")
    keyboard.press("Enter")
    expect(page.get_by_text("Your speaker works.")).to_be_visible()
    expect(page.get_by_role("button", name="Play a test sound")).to_be_focused()
    tab_to("Choose camera, microphone and speaker")
    keyboard.press("Enter")
    tab_to("Microphone")
    keyboard.press("End")
    expect(page.get_by_role("combobox", name="Microphone").locator("option:checked")).to_have_text("Fake Audio Input 2")

    page.reload()
    page.get_by_text("Choose camera, microphone and speaker").click()
    expect(page.get_by_role("combobox", name="Microphone").locator("option:checked")).to_have_text("Fake Audio Input 2")
    page.get_by_label("Your name").fill("Grace")
    page.keyboard.press("Enter")
    grace.sees_moving("Ada")
    ada.hears(1)
    sent = "window.peers.at(-1).getSenders().map(({ track }) => track?.label).filter(Boolean)"
    grace.until(lambda: "Fake Audio Input 2" in page.evaluate(sent), "the microphone that was chosen is sent")


def test_a_speaker_that_was_not_heard_gets_help(invite: Invite, look: Look) -> None:
    grace = invite("Grace")
    grace.goes_to("/device-test/")
    finds(grace, "microphone", "working")
    grace.page.get_by_role("button", name="Play a test sound").click()
    grace.page.get_by_role("button", name="No", exact=True).click(timeout=5_000)
    grace.reads("Turn the sound up.")
    look(grace, "door-speaker-silent")


def test_a_camera_pulled_out_is_replaced_and_one_plugged_in_is_listed(invite: Invite, room: Room) -> None:
    grace = comes(invite, "Grace")
    grace.context.add_init_script(PLUGS)
    grace.opens_link(room.link)
    sees_oneself_moving(grace)
    grace.page.get_by_text("Choose camera, microphone and speaker").click()
    cameras = grace.page.get_by_role("combobox", name="Camera").locator("option")
    expect(cameras).to_have_text(["fake_device_0", "Camera on the desk"])
    grace.page.evaluate("window.plug(1)")
    expect(cameras).to_have_text(["fake_device_0"])
    grace.page.evaluate(
        "document.querySelector('[data-part=picture]').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))"
    )
    grace.reads("Your camera was unplugged. We now use: fake_device_0")
    sees_oneself_moving(grace)


def test_connection_is_tried_through_the_relay_itself(invite: Invite, house: House, look: Look) -> None:
    grace = invite("Grace")
    faults = watch(grace, house)
    grace.goes_to("/device-test/")
    grace.is_connected()
    grace.until(lambda: grace.page.evaluate(MIRROR)["frames"] > 10, "noise comes back from the relay")
    way = grace.page.evaluate(MIRROR)
    assert (way["protocol"], str(way["port"])) == ("udp", house.environment["RELAY_PORT"])
    assert way["microphones"] == 0  # nobody's voice is in it
    row = grace.page.locator("[data-check=network]")
    expect(row.locator("[data-when]:visible")).to_have_text(VERDICT, timeout=15_000)
    row.get_by_text("Figures").click()
    expect(row.get_by_text("UDP, the fast way")).to_be_visible()
    expect(row.get_by_text(re.compile(r"\d+ ms"))).to_be_visible()
    expect(row.get_by_text(re.compile(r"[1-9][\d,]* kbit/s each way"))).to_be_visible()
    assert grace.page.evaluate("window.peers.at(-1).connectionState") == "closed"
    look(grace, "door-network")
    assert not faults


def test_network_without_udp_is_told_so(invite: Invite, house: House) -> None:
    grace = invite("Grace")
    grace.context.add_init_script(TCP_ONLY)
    grace.goes_to("/device-test/")
    grace.is_connected()
    assert grace.page.evaluate(MIRROR)["protocol"] == "tcp"
    row = grace.page.locator("[data-check=network]")
    expect(row.locator("[data-when]:visible")).to_have_text(VERDICT, timeout=15_000)
    row.get_by_text("Figures").click()
    expect(row.get_by_text("TCP only")).to_be_visible()
    expect(row.get_by_text("UDP, the fast way")).to_be_hidden()


def test_network_that_lets_no_call_through_is_told_so_and_members_read_it(
    invite: Invite, room: Room, look: Look
) -> None:
    grace = invite("Grace")
    grace.context.add_init_script(NO_WAY)
    grace.opens_link(room.link)
    grace.reads("Calls do not get through from this network.", timeout=30_000)
    look(grace, "door-network-blocked")
    expect(grace.page.locator("input[name=device_check]")).to_have_value(re.compile("network-blocked"))


def test_join_gives_the_check_up(invite: Invite, room: Room, house: House) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    faults = watch(grace, house)
    grace.opens_link(room.link)
    finds(grace, "network", "checking")
    grace.is_connected()
    grace.page.get_by_label("Your name").fill("Grace")
    grace.presses_join()
    grace.sees_moving("Ada")
    ada.sees_moving("Grace")
    assert grace.page.evaluate("window.peers.length") == 1
    assert not faults
