"""What one leg may send (hazard H15): browsers never notice, floods are limited and then put out."""

from __future__ import annotations

import pytest

from calls.relay.budget import FLOODS_FOR, PACKET, REPAIRS, Allowance, Budget

TOLD = 2_628_000  # bits/s: a camera and a microphone
TICK = 0.25  # s


class Sender:
    """Packets of one size at an even rate, those taken counted."""

    def __init__(self) -> None:
        self.now = 100.0
        self.budget = Budget(TOLD, self.now)
        self.sent = self.taken = 0

    def sends(self, seconds: float, *, packets: int, size: int = 1200, proven: bool = True, told: int = TOLD) -> bool:
        """`packets` a second. Whether the leg stands."""
        for _ in range(round(seconds / TICK)):
            for _ in range(round(packets * TICK)):
                self.sent += 1
                if self.budget.take(size):
                    self.taken += 1
                    if proven:
                        self.budget.proven += size + PACKET
            self.now += TICK
            if not self.budget.tick(told, self.now):
                return False
        return True


@pytest.mark.parametrize(("packets", "size"), [(50, 160), (150, 900), (323, 1040), (400, 1200)])
def test_browser_that_sends_what_it_was_told_loses_nothing(packets: int, size: int) -> None:
    sender = Sender()
    assert sender.sends(60, packets=packets, size=size)
    assert sender.taken == sender.sent


def test_keyframe_of_a_shared_screen_passes_though_nobody_was_told_of_the_screen_yet() -> None:
    sender = Sender()
    assert sender.sends(10, packets=323, size=1040)
    burst = [sender.budget.take(1200) for _ in range(300)]
    assert all(burst)


@pytest.mark.parametrize(("packets", "size"), [(3230, 1040), (15_000, 12), (50_000, 1200)])
def test_ten_times_the_rate_is_limited_and_then_put_out(packets: int, size: int) -> None:
    sender = Sender()
    assert not sender.sends(60, packets=packets, size=size)
    assert FLOODS_FOR <= sender.now - 100 < FLOODS_FOR + 2
    assert sender.taken < sender.sent / 2


def test_flood_that_stops_in_time_is_forgiven() -> None:
    sender = Sender()
    for _ in range(5):
        assert sender.sends(FLOODS_FOR - 1, packets=3230)
        assert sender.sends(FLOODS_FOR - 1, packets=100)


def test_flood_with_short_pauses_is_put_out_all_the_same() -> None:
    sender = Sender()
    assert not all(sender.sends(2, packets=3230) and sender.sends(0.5, packets=100) for _ in range(10))


def test_forged_packets_put_nobody_out() -> None:
    assert Sender().sends(60, packets=20_000, proven=False)


def test_allowance_is_new_at_each_tick() -> None:
    allowance = Allowance(3)
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    allowance.renew()
    assert allowance.take(3)
    budget = Budget(TOLD, 0.0)
    assert budget.repairs.take(REPAIRS)
    assert not budget.repairs.take()
    assert budget.tick(TOLD, TICK)
    assert budget.repairs.take()
