"""The call screen (rule C7): what is where in every window, and every control, by mouse, by key and by finger."""

from __future__ import annotations

import io
import math
import wave
from array import array
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Locator, Playwright, expect

from tests.e2e.conftest import FLAGS, Invite
from tests.e2e.house import House, Room
from tests.e2e.people import WATCH_PEERS, Person
from tests.e2e.test_meeting import member_enters

pytestmark = pytest.mark.long

WINDOWS = [(390, 844), (844, 390), (1280, 800), (1920, 1080)]
SMALL = {"width": 400, "height": 300}

# A camera, and a screen, whose picture the story paints itself; `window.paint` is a colour or "noise".
PAINTED = """
window.paint = '#808080';
const painted = (width, height) => {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  setInterval(() => {
    if (window.paint !== 'noise') {
      context.fillStyle = window.paint;
      context.fillRect(0, 0, width, height);
      return;
    }
    for (let x = 0; x < width; x += 8) for (let y = 0; y < height; y += 8) {
      context.fillStyle = Math.random() < 0.5 ? '#fff' : '#000';
      context.fillRect(x, y, 8, 8);
    }
  }, 100);
  return canvas.captureStream(10).getVideoTracks()[0];
};
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await real(wanted);
  if (!wanted.video) return stream;
  return new MediaStream([painted(640, 360), ...stream.getAudioTracks()]);
};
navigator.mediaDevices.getDisplayMedia = async () => {
  window.shared = painted(1280, 800);
  return new MediaStream([window.shared]);
};
"""

# Devices that can be pulled out: `unplug(kind)` ends what is open, and it is not found until `plug(kind)`.
PULLED = """
const gone = new Map();
const opened = [];
const devices = navigator.mediaDevices;
const [list, open] = [devices.enumerateDevices.bind(devices), devices.getUserMedia.bind(devices)];
// The second of Chromium's fake cameras measures depth, and gives no picture.
devices.enumerateDevices = async () => (await list()).filter(({ deviceId, kind, label }) => (
  label !== 'fake_device_1' && ![...gone.values()].includes(deviceId) && !(window.none && kind === 'videoinput')));
devices.getUserMedia = async (wanted) => {
  for (const [kind, input] of [['video', 'videoinput'], ['audio', 'audioinput']]) {
    if (!wanted[kind] || !gone.has(kind)) continue;
    const left = (await devices.enumerateDevices()).filter((device) => device.kind === input);
    if (!left.length || window.none) throw new DOMException('', 'NotFoundError');
    wanted = { ...wanted, [kind]: { deviceId: { exact: left[0].deviceId } } };
  }
  const stream = await open(wanted);
  opened.push(...stream.getTracks());
  return stream;
};
const changed = () => devices.dispatchEvent(new Event('devicechange'));
window.unplug = (kind) => {
  const track = opened.findLast((each) => each.kind === kind && each.readyState === 'live');
  gone.set(kind, track.getSettings().deviceId);
  track.stop();
  track.dispatchEvent(new Event('ended'));
  changed();
};
window.plug = (kind) => { gone.delete(kind); window.none = false; changed(); };
"""

Box = dict[str, float]


def box(locator: Locator) -> Box:
    found = locator.bounding_box()
    assert found is not None, f"{locator} is not on the page"
    return dict(found)


def overlap(one: Box, other: Box) -> bool:
    """More than the half pixel that rounding makes."""
    across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
    down = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
    return across > 0.5 and down > 0.5


def inside(one: Box, other: Box) -> bool:
    return (
        one["x"] >= other["x"] - 0.5
        and one["y"] >= other["y"] - 0.5
        and one["x"] + one["width"] <= other["x"] + other["width"] + 0.5
        and one["y"] + one["height"] <= other["y"] + other["height"] + 0.5
    )


def chooses(person: Person, item: str) -> None:
    person.page.get_by_role("button", name="More").click()
    person.page.get_by_role("menuitem", name=item, exact=True).click()


def is_laid_out(person: Person, names: list[str], *, screen: str | None = None, large: str | None = None) -> None:
    """In each window everybody is inside, whole, in the shape of a picture, beside the others, with a name."""
    page = person.page
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(350)  # what moves is there after 140 ms
        where = f"{width} x {height}, {names}, screen {screen}, large {large}"
        stage = box(page.locator("#stage"))
        tiles = {name: box(person.tile(name)) for name in names}
        for name, tile in tiles.items():
            assert inside(tile, stage), where
            assert tile["width"] / tile["height"] == pytest.approx(16 / 9, rel=0.02), where
            label = box(person.tile(name).get_by_text(name, exact=True))
            assert inside(label, tile), where
            assert label["x"] + label["width"] / 2 < tile["x"] + tile["width"] / 2 or label["width"] > tile["width"] / 3
            assert label["y"] > tile["y"] + tile["height"] / 3, where
        pictures = dict(tiles)
        if screen:
            shared = box(page.get_by_role("group", name=screen))
            assert inside(shared, stage), where
            assert shared["width"] / shared["height"] == pytest.approx(16 / 10, rel=0.03), where
            pictures[screen] = shared
        for one, other in combinations(pictures, 2):
            assert not overlap(pictures[one], pictures[other]), f"{where}: {one} and {other}"
        own = box(page.get_by_role("group", name="You", exact=True))
        assert inside(own, stage), where
        for name in names:
            assert not overlap(own, box(person.tile(name).locator(".tile-name"))), f"{where}: own picture on {name}"
        bar = box(page.get_by_role("group", name="Call controls"))
        assert not any(overlap(bar, picture) for picture in pictures.values()), where
        window = {"x": 0.0, "y": 0.0, "width": float(width), "height": float(height)}
        assert inside(bar, window), where
        largest = max(pictures, key=lambda name: pictures[name]["width"] * pictures[name]["height"])
        if screen or large:
            assert largest == (screen or large), where
        # As large as the window lets it be: who is alone fills the height or the width of the stage, but for the own
        # picture beside or below it.
        if len(pictures) == 1:
            [tile] = tiles.values()
            assert tile["width"] > 0.84 * stage["width"] or tile["height"] > 0.84 * stage["height"], where


def test_one_to_four_people_and_a_shared_screen_are_laid_out_in_every_window(invite: Invite, room: Room) -> None:
    ada = member_enters(invite, room)
    guests = [invite(name, viewport=SMALL) for name in ("Bo", "Cleo", "Dan")]
    for guest in guests:
        guest.context.add_init_script(PAINTED)
        guest.joins_by(room.link)
        ada.sees_moving(guest.name, frames=2)
        is_laid_out(ada, [person.name for person in guests[: guests.index(guest) + 1]])
    names = [guest.name for guest in guests]

    chooses(ada, "Layout")
    ada.page.get_by_role("radio", name="Cleo").check()
    ada.page.get_by_role("button", name="Done").click()
    is_laid_out(ada, names, large="Cleo")

    guests[0].page.get_by_role("button", name="Share screen").click()
    shared = ada.page.get_by_role("group", name="Bo’s screen")
    expect(shared).to_be_visible()
    frames = "video => video.getVideoPlaybackQuality().totalVideoFrames"
    ada.until(lambda: shared.locator("video").evaluate(frames) > 3, "Ada sees Bo's screen move")
    is_laid_out(ada, names, screen="Bo’s screen")

    # The own picture can be moved to each corner, and hidden, by keys alone.
    guests[0].page.evaluate("() => window.shared.dispatchEvent(new Event('ended'))")  # the browser's own stop
    expect(shared).to_have_count(0)
    expect(guests[0].page.get_by_role("button", name="Share screen")).to_be_visible()
    chooses(ada, "Layout")
    ada.page.get_by_label("Grid").check()
    ada.page.get_by_role("button", name="Done").click()
    seen = set()
    for _ in range(4):
        ada.page.get_by_role("button", name="Move your picture").press("Enter")
        is_laid_out(ada, names)
        own = box(ada.page.get_by_role("group", name="You", exact=True))
        seen.add((round(own["x"]), round(own["y"])))
    assert len(seen) == 4
    ada.page.get_by_role("button", name="Hide your picture").press("Enter")
    expect(ada.page.get_by_role("group", name="You", exact=True)).to_be_hidden()
    chooses(ada, "Show your picture")
    expect(ada.page.get_by_role("group", name="You", exact=True)).to_be_visible()


def test_a_second_screen_asks_and_the_browsers_own_stop_is_noticed(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace", viewport=SMALL)
    for person in (ada, grace):
        person.context.add_init_script(PAINTED)
    ada.page.reload()
    grace.joins_by(room.link)
    ada.sees_moving("Grace", frames=3)
    ada.page.keyboard.press("s")
    grace.page.get_by_role("group", name="Ada’s screen").wait_for()

    grace.page.get_by_role("button", name="Share screen").click()
    question = grace.page.get_by_role("dialog", name="Ada is sharing a screen. Share yours instead?")
    question.get_by_role("button", name="Cancel").click()
    expect(ada.page.get_by_role("button", name="Stop sharing")).to_be_visible()
    grace.page.get_by_role("button", name="Share screen").click()
    question.get_by_role("button", name="Share mine").click()
    shared = ada.page.get_by_role("group", name="Grace’s screen")
    expect(shared).to_be_visible()
    frames = "video => video.getVideoPlaybackQuality().totalVideoFrames"
    ada.until(lambda: shared.locator("video").evaluate(frames) > 2, "Ada sees Grace's screen")
    expect(ada.page.get_by_role("button", name="Share screen")).to_be_visible()

    grace.page.evaluate("() => window.shared.dispatchEvent(new Event('ended'))")
    expect(shared).to_have_count(0)


def test_chat_counts_what_is_unread_and_tells_who_comes_later(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace", viewport=SMALL)
    grace.joins_by(room.link)
    ada.sees_moving("Grace", frames=3)
    strange = '<img src=x onerror="document.title=1"> see https://www.example.org/form. \u202eevil'
    ada.page.keyboard.press("c")
    for text in ("Good morning", strange):
        ada.page.keyboard.insert_text(text)
        ada.page.keyboard.press("Enter")
    expect(ada.page.get_by_role("list", name="Messages").get_by_role("listitem")).to_have_count(2)
    expect(grace.page.get_by_label("2 unread")).to_have_text("2")

    grace.page.get_by_role("button", name="Chat").click()
    messages = grace.page.get_by_role("list", name="Messages")
    expect(messages.get_by_role("listitem")).to_have_count(2)
    expect(messages).to_contain_text('<img src=x onerror="document.title=1">')  # hazard H3: as text
    assert "\u202e" not in messages.inner_text()
    link = messages.get_by_role("link")
    assert link.get_attribute("href") == "https://www.example.org/form"
    assert "noopener" in str(link.get_attribute("rel"))
    expect(grace.page.locator("#unread")).to_be_hidden()
    grace.page.keyboard.press("Escape")
    expect(grace.page.get_by_role("button", name="Chat")).to_be_focused()

    late = invite("Late", viewport=SMALL)
    late.joins_by(room.link)
    late.page.get_by_role("button", name="Chat").click()
    expect(late.page.get_by_role("list", name="Messages")).to_contain_text("Good morning")


@pytest.fixture
def studio(playwright: Playwright, chromium: str, house: House, tmp_path: Path) -> Iterator[Browser]:
    """Two cameras, two microphones, and a voice in them: two seconds of speech, two of silence."""
    rate = 48_000
    with wave.open(str(tmp_path / "voice.wav"), "wb") as voice:
        voice.setparams((1, 2, rate, 0, "NONE", ""))
        tones = (sum(math.sin(at * pitch / rate * math.tau) for pitch in (180, 360, 720)) for at in range(2 * rate))
        syllables = (value * abs(math.sin(at / rate * math.tau * 2)) for at, value in enumerate(tones))
        voice.writeframes(array("h", (int(value * 9000) for value in syllables)).tobytes() + bytes(4 * rate))
    flags = [flag for flag in FLAGS if flag != "--use-fake-device-for-media-stream"]
    flags += [
        "--use-fake-device-for-media-stream=device-count=3",
        f"--use-file-for-fake-audio-capture={tmp_path / 'voice.wav'}",
    ]
    browser = playwright.chromium.launch(executable_path=chromium, args=flags)
    yield browser
    browser.close()


@pytest.fixture
def speaker(studio: Browser, house: House) -> Iterator[Person]:
    context = studio.new_context(viewport={"width": 1000, "height": 700}, base_url=house.url, locale="en-GB")
    context.grant_permissions(["camera", "microphone"], origin=house.url)
    context.add_init_script(WATCH_PEERS)
    context.add_init_script(PULLED)
    yield Person("Ben", context, house.url)
    context.close()


def camera_of(person: Person) -> str:
    """The device behind what is sent, from the connection itself."""
    return str(
        person.page.evaluate(
            "() => window.peers.at(-1).getTransceivers()[1].sender.track?.getSettings().deviceId ?? 'none'"
        )
    )


def test_devices_are_changed_pulled_out_and_put_back_while_the_call_goes_on(
    speaker: Person, invite: Invite, room: Room
) -> None:
    speaker.is_signed_in(room.member)
    speaker.enters_room(room.name)
    grace = invite("Grace", viewport=SMALL)
    grace.joins_by(room.link)
    grace.sees_moving("Ben", frames=5)
    page = speaker.page
    first = camera_of(speaker)

    # Another camera: the others see it at once, over the same connection.
    chooses(speaker, "Settings")
    camera = page.get_by_label("Camera", exact=True)
    expect(camera.locator("option")).to_have_count(2)
    camera.select_option(index=1 - camera.evaluate("select => select.selectedIndex"))
    speaker.until(lambda: camera_of(speaker) not in (first, "none"), "the other camera is sent")
    second = camera_of(speaker)
    grace.sees_moving("Ben", frames=5)
    assert page.evaluate("window.peers.length") == 1
    assert page.evaluate("window.peers[0].signalingState") == "stable"

    # It is pulled out: the one that is left takes over, and the page says so; put back, it is used again.
    page.evaluate("() => window.unplug('video')")
    speaker.reads("Your camera was unplugged.")
    speaker.until(lambda: camera_of(speaker) == first, "the camera that is left is sent")
    grace.sees_moving("Ben", frames=5)
    page.evaluate("() => window.plug('video')")
    speaker.reads("Your camera is back")
    speaker.until(lambda: camera_of(speaker) == second, "the camera that is back is sent")
    grace.sees_moving("Ben", frames=5)

    # The only one is pulled out: said plainly, and others see that it is off.
    page.evaluate("() => { window.none = true; window.unplug('video'); }")
    speaker.reads("We cannot find a camera.")
    expect(page.get_by_role("button", name="Start camera")).to_be_visible()
    expect(grace.tile("Ben")).to_have_attribute("data-camera", "off")
    page.evaluate("() => window.plug('video')")
    expect(page.get_by_role("button", name="Stop camera")).to_be_visible()
    grace.sees_moving("Ben", frames=5)


def test_somebody_who_talks_while_muted_is_told(speaker: Person, room: Room) -> None:
    speaker.is_signed_in(room.member)
    speaker.enters_room(room.name)
    speaker.is_connected()
    page = speaker.page
    sign = page.get_by_role("status").get_by_text("You are muted", exact=True)
    page.get_by_role("button", name="Mute", exact=True).click()
    expect(sign).to_be_visible(timeout=8_000)
    # Nothing of it leaves: what is sent is silence, to the last of sixteen bits.
    sent = """async () => [...(await window.peers.at(-1).getStats()).values()]
      .find(({ type, kind }) => type === 'media-source' && kind === 'audio').audioLevel"""
    speaker.until(lambda: page.evaluate(sent) < 2 / 32768, "what was said before has faded")
    page.keyboard.press("m")
    expect(sign).to_have_count(0)


def test_every_control_is_worked_by_keys_alone(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace", viewport=SMALL)
    ada.context.add_init_script(PAINTED)
    ada.page.reload()
    grace.joins_by(room.link)
    ada.sees_moving("Grace", frames=3)
    page = ada.page
    keyboard = page.keyboard

    # Tab goes through the bar from left to right; each has a name, a tooltip and its state.
    page.get_by_role("button", name="Mute", exact=True).focus()
    for name in ("Stop camera", "Share screen", "Chat", "More", "Leave"):
        keyboard.press("Tab")
        expect(page.get_by_role("button", name=name)).to_be_focused()
    for name, key in (("Mute", "M"), ("Stop camera", "V"), ("Share screen", "S"), ("Chat", "C"), ("Leave", "L")):
        control = page.get_by_role("button", name=name, exact=True)
        assert f"({key})" in str(control.get_attribute("title"))
        assert control.get_attribute("aria-keyshortcuts") == key

    keyboard.press("m")
    expect(page.get_by_role("button", name="Unmute")).to_have_attribute("aria-pressed", "true")
    expect(grace.tile("Ada").get_by_role("img", name="Microphone off")).to_be_visible()
    keyboard.press("v")
    expect(page.get_by_role("button", name="Start camera")).to_have_attribute("aria-pressed", "true")
    expect(grace.tile("Ada")).to_contain_text("Ada")
    keyboard.press("v")
    grace.sees_moving("Ada", frames=3)
    keyboard.press("s")
    expect(grace.page.get_by_role("group", name="Ada’s screen")).to_be_visible()
    keyboard.press("s")
    expect(grace.page.get_by_role("group", name="Ada’s screen")).to_have_count(0)

    # Letters typed into the chat are letters.
    keyboard.press("c")
    keyboard.type("mvscl")
    expect(page.get_by_label("Write a message")).to_have_value("mvscl")
    keyboard.press("Escape")
    expect(page.get_by_role("button", name="Chat")).to_be_focused()

    # The menu is a menu: arrows, first letters, Escape; the focus comes back.
    keyboard.press("Tab")
    keyboard.press("Enter")
    menu = page.get_by_role("menu", name="More")
    items = menu.get_by_role("menuitem")
    expect(menu.locator(":focus")).to_have_count(1)
    keyboard.press("p")
    expect(items.filter(has_text="Participants")).to_be_focused()
    keyboard.press("Escape")
    expect(page.get_by_role("button", name="More")).to_be_focused()
    keyboard.press("Enter")
    expect(menu.locator(":focus")).to_have_count(1)
    keyboard.press("s")
    expect(items.filter(has_text="Settings")).to_be_focused()
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Settings")).to_be_focused()
    keyboard.press("Escape")
    expect(page.get_by_role("button", name="More")).to_be_focused()
    chooses_by_keys = page.get_by_role("menuitem", name="Main menu")
    keyboard.press("Enter")
    expect(menu.locator(":focus")).to_have_count(1)
    keyboard.press("End")
    expect(chooses_by_keys).to_be_focused()
    assert chooses_by_keys.get_attribute("target") == "_blank"
    keyboard.press("Escape")

    keyboard.press("l")
    dialog = page.get_by_role("dialog", name="Leave this call?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("checkbox")).to_be_checked()
    keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    keyboard.press("l")
    dialog.get_by_role("button", name="Leave", exact=True).press("Enter")
    ada.reads("You left the call")
    grace.sees_no_tile("Ada")


def unfit(person: Person) -> list[str]:
    """Targets under 44 px; controls that are covered while they have the focus; a page wider than its window."""
    found: list[str] = person.page.evaluate(
        """() => {
          const faults = [];
          const wide = document.documentElement.scrollWidth - innerWidth;
          if (wide > 0) faults.push(`scrolls sideways by ${wide}`);
          const over = document.querySelector('dialog[open], [popover]:popover-open');
          const targets = ['.call button', '.call select', '.call textarea', '.call [role^=menuitem]', 'dialog button'];
          const all = document.querySelectorAll(targets.join());
          for (const element of all) {
            if (!element.checkVisibility() || element.closest('template, [aria-hidden=true]')) continue;
            const { width, height } = element.getBoundingClientRect();
            const name = element.getAttribute('aria-label') ?? element.textContent.trim();
            if (width < 43.9 || height < 43.9) faults.push(`${name} is ${width} x ${height}`);
            if (over || !element.closest('.controls')) continue;
            element.focus();
            const box = element.getBoundingClientRect();
            const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            if (!element.contains(top)) faults.push(`${name} is covered`);
            const isWhole = box.x >= 0 && box.right <= innerWidth + 0.5 && box.bottom <= innerHeight + 0.5;
            if (!isWhole) faults.push(`${name} is cut`);
          }
          return faults;
        }"""
    )
    return found


# What fades or slides in is read when it is there; what goes round for ever is not waited for.
AT_REST = """() => Promise.all(document.getAnimations()
  .filter(({ effect }) => effect.getComputedTiming().endTime < Infinity)
  .map(({ finished }) => finished.catch(() => null)))"""


def looks_right(person: Person, state: str, faults: list[str]) -> None:
    person.page.evaluate(AT_REST)
    # Where colours are forced they are the person's own; axe would go by those of the page.
    forced = person.page.evaluate("matchMedia('(forced-colors: active)').matches")
    options = {"rules": {"color-contrast": {"enabled": not forced}}}
    for violation in Axe().run(person.page, options=options).response["violations"]:
        nodes = "; ".join(str(node["html"])[:160] for node in violation["nodes"][:3])
        faults.append(f"{state}: {violation['id']}: {nodes}")
    faults += [f"{state}: {fault}" for fault in unfit(person)]


def test_every_state_is_fit_for_everybody(invite: Invite, room: Room) -> None:
    """axe, 44 px, nothing covered or lost: each panel, menu and dialog, in each window, at 320 px and 200 % too."""
    ada = member_enters(invite, room)
    for name in ("Grace", "Omar"):
        guest = invite(name, viewport=SMALL)
        guest.joins_by(room.link)
        ada.sees_moving(name, frames=2)
    page = ada.page
    faults: list[str] = []
    looks = [{}, {"color_scheme": "dark"}, {"forced_colors": "active"}]
    windows = [*WINDOWS, (320, 568), (640, 400)]
    for number, (width, height) in enumerate(windows):
        page.set_viewport_size({"width": width, "height": height})
        look = looks[number % len(looks)]
        page.emulate_media(color_scheme="light", forced_colors="none", reduced_motion="reduce")
        page.emulate_media(**look)  # type: ignore[arg-type]
        here = f"{width} x {height} {look}"
        looks_right(ada, f"{here}, the call", faults)
        page.get_by_role("button", name="More").click()
        looks_right(ada, f"{here}, More", faults)
        page.keyboard.press("Escape")
        for panel in ("Chat", "Participants", "Settings"):
            if panel == "Chat":
                page.get_by_role("button", name="Chat").click()
            else:
                chooses(ada, panel)
            expect(page.get_by_role("heading", name=panel)).to_be_visible()
            looks_right(ada, f"{here}, {panel}", faults)
            if width >= 960:  # beside the pictures, never over them
                side = box(page.locator(".panel:visible"))
                assert not any(overlap(side, box(ada.tile(name))) for name in ("Grace", "Omar")), here
            page.get_by_role("complementary").get_by_role("button", name="Close").click()
        chooses(ada, "Layout")
        looks_right(ada, f"{here}, Layout", faults)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Leave").click()
        looks_right(ada, f"{here}, Leave", faults)
        page.keyboard.press("Escape")
    assert not faults, "\n".join(faults)


def luminance(colour: object) -> float:
    """WCAG 2.2, relative luminance."""
    assert isinstance(colour, tuple)
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def least_contrast(name: Locator) -> float:
    """Of white text against each pixel behind it, from the page's picture with the words made transparent."""
    name.evaluate("element => element.style.setProperty('color', 'transparent')")
    shot = Image.open(io.BytesIO(name.screenshot())).convert("RGB")
    name.evaluate("element => element.style.removeProperty('color')")
    width, height = shot.size
    middle = shot.crop((height // 2, height // 4, width - height // 2, height - height // 4))  # its ends are round
    assert ImageChops.difference(middle, Image.new("RGB", middle.size, "white")).getbbox()
    brightest = max(luminance(pixel) for _, pixel in middle.getcolors(maxcolors=1_000_000) or [])
    return 1.05 / (brightest + 0.05)


def test_names_are_read_over_black_white_and_noisy_pictures(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace", viewport=SMALL)
    grace.context.add_init_script(PAINTED)
    grace.joins_by(room.link)
    ada.sees_moving("Grace", frames=3)
    name = ada.tile("Grace").locator("figcaption")
    shade = """video => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
      const context = canvas.getContext('2d');
      context.drawImage(video, 0, 0, 1, 1);
      return context.getImageData(0, 0, 1, 1).data[0];
    }"""
    video = ada.tile("Grace").locator("video")
    for paint, least, most in (("#ffffff", 200, 255), ("#000000", 0, 60), ("noise", 60, 200)):
        grace.page.evaluate("paint => { window.paint = paint; }", paint)
        shown = partial(lambda least, most: least <= video.evaluate(shade) <= most, least, most)
        ada.until(shown, f"the picture is {paint}")
        assert least_contrast(name) >= 4.5, paint
