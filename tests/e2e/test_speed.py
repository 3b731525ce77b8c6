"""From pressing Join to the first picture of somebody else: what a guest waits for."""

from __future__ import annotations

import statistics

from tests.e2e.conftest import Invite
from tests.e2e.house import Room
from tests.e2e.test_meeting import member_enters

TRIES = 7
LIMIT = 0.5  # seconds, median

# The clock starts at the press of Join on the entrance and stops at the first decoded frame in another person's tile.
STOPWATCH = """
addEventListener('click', (event) => {
  if (event.target.closest?.('button')?.textContent.trim() === 'Join') sessionStorage.setItem('pressed', Date.now());
}, { capture: true });
const watched = new WeakSet();
const look = () => {
  for (const video of document.querySelectorAll('figure video')) {
    if (watched.has(video) || video.closest('[data-self]')) continue;
    watched.add(video);
    video.requestVideoFrameCallback(() => {
      window.firstFrame ??= (Date.now() - Number(sessionStorage.getItem('pressed'))) / 1000;
    });
  }
};
addEventListener('DOMContentLoaded', () => {
  look();
  new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true, attributes: true });
});
"""


def test_first_picture_half_a_second_after_join(invite: Invite, room: Room) -> None:
    member_enters(invite, room).is_connected()
    seconds = []
    for number in range(TRIES):
        guest = invite(f"Guest {number}")
        guest.context.add_init_script(STOPWATCH)
        guest.joins_by(room.link)
        guest.until(lambda guest=guest: guest.page.evaluate("window.firstFrame !== undefined"), "first frame")
        seconds.append(guest.page.evaluate("window.firstFrame"))
        guest.leaves()
        guest.goes_away()
    median = statistics.median(seconds)
    print(f"\nJoin to first remote frame: median {median:.2f} s of {', '.join(f'{each:.2f}' for each in seconds)}")
    assert median <= LIMIT
