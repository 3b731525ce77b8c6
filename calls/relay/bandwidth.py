"""What one subscriber's link has room for: which pictures, and in which layer, while the sound always goes through.

Pure, monotonic `now` in seconds passed in, rates in bits/s of RTP payload, as browsers count them for REMB. The link is
taken to be good until it shows otherwise, by the two signs of relay.md, "Bandwidth": over a tenth of what was sent is
lost, or the subscriber's REMB stays under nine tenths of it. REMB alone says little, since it lags behind what arrives:
one that rises is no sign of congestion, however low it is.

Loss that stays, though much less is sent and no estimate falls, is not made by what is sent: bad radio loses whatever
comes. Then less would not help. Pictures are small, which repair keeps moving, and go on.

Down at once, to what arrived. Up after three good seconds, by probing: padding is sent, in steps that a report has to
confirm, until the rate is proved that the next picture needs. No picture pays for a guess, and the sound pays little.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import NamedTuple

TOO_MUCH_LOST, CHANCE = 0.10, 2  # of the packets sent to the subscriber, and so many besides
HEAVY_LOSS = 0.25  # up to here smaller pictures may help, and repair can do the rest; surely beyond, pictures pause
SURELY = 2.0  # standard deviations
HEAVY_FOR = (
    0.75  # s from one report of it to another, unless REMB is low too: a moment without a link is not a weak one
)
LESS, SAME = 0.7, 0.6  # of the rate sent once loss is seen, so much of the loss: it is the link's own
OWN_MOST = 0.5  # more than that is no link
OWN_MORE = 1.5  # times its own loss: too much is sent besides
OWN_OVER = 0.07  # smoothed: the link's own loss is over
FEWEST, FEWEST_PROBED = 150, 40  # packets last reported on that say how good the link is, and under a probe
LOSS_SPAN = 3.0  # s of reports that count
UNDER = 0.9  # a REMB lower than this share of the rate sent …
UNDER_FOR = 2.0  # … for so many seconds
LOW_FOR = 1.25  # s of the same, longer than from one REMB to the next: not the time for a probe
REMB_KEPT = 1.75  # s
SETTLE = 1.5  # s after a step down in which reports still speak of what was before
GOOD_FOR = 2.5  # s without a sign of congestion, before a probe; with that, three before anything goes up
PROBE = 0.5  # s at one rate, before a report on it counts
PROBED_FOR = 2.5  # s without such a report: given up
GROWTH = 2.5  # of the rate from one step of a probe to the next, while none is known to be too much
NEAR, NARROW = 1.5, 1.1  # times what is carried: what was too much is near, and the least growth there
HEADROOM = 1.1  # over what everything needs: then the link is good
SLACK = 0.15  # of the limit, by which what is shown may outgrow it
LEAST = 32_000.0  # bits/s, that growth can start from
METER_SPAN = 1.0  # s


class Meter:
    """A running count of octets as a rate."""

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def read(self, octets: int, now: float) -> float:
        """Bits/s over the last second, from a count that never falls; 0 until there are two readings."""
        marks = self._marks
        marks.append((now, octets))
        while len(marks) > 2 and now - marks[1][0] >= METER_SPAN:
            marks.popleft()
        span = now - marks[0][0]
        return 8 * (octets - marks[0][1]) / span if span > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What could be shown in one place: the rates of its layers that are being sent, the smallest first."""

    rates: tuple[float, ...]
    is_screen: bool = False


@dataclass(slots=True)
class _Probe:
    began: float
    target: float  # bits/s


class _Loss(NamedTuple):
    """The share lost of the packets last reported on, 0 where chance explains it; what of it is sure; and whether they
    are enough to say that the link is good."""

    share: float
    sure: float
    is_enough: bool


class Downlink:
    """The link to one subscriber. `padding` is what the last decision wants sent besides, in bits/s."""

    def __init__(self) -> None:
        self.padding = 0.0
        self._meter = Meter()
        self._limit = self._too_much = inf
        self._reports: deque[tuple[float, int, int]] = deque()  # when, packets expected, lost; the newest first
        self._remb = inf
        self._remb_at = 0.0
        self._fell = False  # REMB, under a probe: what was carried before it still is
        self._rose = False  # REMB, under a probe that has lasted
        self._under: tuple[float, float] | None = None  # since when REMB has been too low, and its lowest there
        self._settled_at = 0.0
        self._heavy_at: float | None = None  # since when heavy loss is reported
        self._own = 0.0  # the share that is lost whatever is sent
        self._own_at = 0.0
        self._lossy: tuple[float, float] | None = None  # rate sent and share lost when loss alone was first too much
        self._probe: _Probe | None = None
        self._shown: tuple[int, ...] = ()

    @property
    def limit(self) -> float:
        """Bits/s of payload the link is known to carry; infinite while it shows no strain."""
        return self._limit

    def reported(self, expected: int, lost: int, now: float) -> None:
        """From a receiver report: packets expected since the last one, and those lost on this link."""
        if not expected or now < self._settled_at:
            return
        if self._reports and self._reports[0][0] == now:  # another stream, in the same packet
            _, more_expected, more_lost = self._reports.popleft()
            expected, lost = expected + more_expected, lost + more_lost
        self._reports.appendleft((now, expected, lost))

    def estimated(self, bitrate: int, now: float) -> None:
        """From a REMB."""
        if self._probe is not None and bitrate < min(UNDER * self._probe.target, 0.97 * self._remb):
            self._fell = True
        elif self._probe is not None and now - self._probe.began >= PROBE and bitrate > self._remb:
            self._rose = True
        self._remb, self._remb_at = float(bitrate), now

    def decide(
        self, octets: int, sound: float, pictures: Sequence[Picture], now: float, *, low_data: bool = False
    ) -> tuple[int, ...]:
        """How many layers of each picture to show, 0 to pause it. To be asked a few times a second.

        `octets` of payload sent so far, padding included; `sound` is its rate. `low_data`: the shared screen instead of
        cameras, and cameras in the smallest layer, whatever the link.
        """
        sent = self._meter.read(octets, now)
        loss, overused = self._loss(now), self._overuse(sent, now)
        if loss.share and not overused and self._is_own(sent, loss.share):
            self._own, loss = loss.share, _Loss(0.0, 0.0, is_enough=False)
            self._reports.clear()
        if self._own:
            pictures = [
                picture if picture.is_screen else replace(picture, rates=picture.rates[:1]) for picture in pictures
            ]
        is_bare = not any(self._shown)
        is_still = is_bare and not sound  # nothing is sent that could be reported on
        if is_bare and not loss.share:
            # 1. There is nothing left to take away, and the sound arrives, however low the estimate is.
            overused, self._under = False, None
            self._limit = max(self._limit, sound)
        # 2. On sound alone browsers report each five seconds or so. Their estimate comes each second.
        is_told = loss.is_enough or is_still or (is_bare and self._rose)
        if now >= self._settled_at and (loss.share or overused or self._fell):
            if overused or self._fell:
                self._lossy = None
            elif self._lossy is None:
                self._lossy = sent, loss.share
            arrived = sent * (1 - loss.share) if loss.share else inf
            if not (overused or self._is_heavy(loss.sure, now) or self._responds(sent, loss.share)):
                arrived = max(arrived, sound + sum(picture.rates[0] for picture in pictures if picture.rates))
            self._lower(sent, min(arrived, self._remb if overused else inf), now)
            before, self._shown = self._shown, ()
            self._shown, needed = self._allot(sound, pictures, low_data=low_data)
            if overused or self._shown != before:  # otherwise what REMB says goes on being about the same
                self._under = None
            self._limit = max(LEAST, min(self._limit, HEADROOM * needed))  # more than that is not known to be carried
        elif self._probe is not None and now - self._probe.began > PROBED_FOR and not is_still:
            self._probe, self._settled_at = None, now
        elif self._limit < inf and is_told:
            full = sum(picture.rates[-1] for picture in pictures if picture.rates)
            self._climb(HEADROOM * (sound + full), now, is_still=is_still or (is_bare and self._rose))
        self._shown, needed = self._allot(sound, pictures, low_data=low_data)
        self.padding = max(0.0, self._probe.target - needed) if self._probe is not None else 0.0
        return self._shown

    def _loss(self, now: float) -> _Loss:
        reports, fewest = self._reports, FEWEST if self._probe is None else FEWEST_PROBED
        while reports and now - reports[-1][0] > LOSS_SPAN:
            reports.pop()
        expected = lost = 0
        for _, more_expected, more_lost in reports:
            expected += more_expected
            lost += more_lost
            if expected >= fewest:
                break
        is_enough = expected >= fewest or (self._probe is None and now - self._settled_at >= LOSS_SPAN)
        if expected < FEWEST_PROBED:
            return _Loss(0.0, 0.0, is_enough)
        share = lost / expected
        if self._own and reports[0][0] > self._own_at:
            self._own_at = reports[0][0]
            self._own += (share - self._own) / 8
            if self._own < OWN_OVER:
                self._own = 0.0
        if lost <= max(TOO_MUCH_LOST, OWN_MORE * self._own) * expected + CHANCE:
            if is_enough:
                self._lossy = self._heavy_at = None
            return _Loss(0.0, 0.0, is_enough)
        return _Loss(share, share - SURELY * sqrt(share * (1 - share) / expected), is_enough)

    def _is_heavy(self, sure: float, now: float) -> bool:
        if sure <= HEAVY_LOSS:
            self._heavy_at = None
        elif self._heavy_at is None:
            self._heavy_at = now
        return self._heavy_at is not None and (self._under is not None or now - self._heavy_at >= HEAVY_FOR)

    def _is_own(self, sent: float, share: float) -> bool:
        """Is so much lost although much less is sent than when loss began, and no packet has to queue?"""
        if self._lossy is None or self._under is not None or self._fell or share > OWN_MOST:
            return False
        return sent <= LESS * self._lossy[0] and share >= SAME * self._lossy[1]

    def _responds(self, sent: float, share: float) -> bool:
        """Is less lost because less is sent? Then it is what is sent."""
        return self._lossy is not None and sent <= LESS * self._lossy[0] and share < SAME * self._lossy[1]

    def _overuse(self, sent: float, now: float) -> bool:
        """Under a probe it is `_fell` that counts: what is too much then is the padding."""
        if self._probe is not None or now - self._remb_at > REMB_KEPT or self._remb >= UNDER * sent:
            self._under = None
        elif self._under is None or self._remb > 1.02 * self._under[1]:
            self._under = now, self._remb
        else:
            self._under = self._under[0], min(self._remb, self._under[1])
        return self._under is not None and now - self._under[0] >= UNDER_FOR

    def _lower(self, sent: float, arrived: float, now: float) -> None:
        """`sent` was too much: `arrived` is about what came through. What was carried before a probe still is, until
        reports after it say otherwise."""
        if self._probe is None:
            self._limit = min(self._limit, arrived)
            self._too_much = min(sent, NARROW * arrived)
        else:
            self._too_much = min(self._probe.target, NARROW * max(self._limit, arrived))
        self._settled_at = now + SETTLE
        self._reports.clear()
        self._probe = None
        self._fell = self._rose = False

    def _climb(self, wanted: float, now: float, *, is_still: bool) -> None:
        """`wanted`: the rate at which there is nothing left to ask of the link; `is_still`: no report is waited for."""
        probe = self._probe
        if probe is None:
            is_low = self._under is not None and now - self._under[0] > LOW_FOR
            if is_low or now - self._settled_at < GOOD_FOR - SETTLE:
                return
        elif (now if is_still else self._reports[0][0]) - probe.began >= PROBE:
            self._limit = max(self._limit, probe.target)
        else:
            return
        self._reports.clear()
        self._rose = False
        if self._limit >= wanted:
            self._limit, self._probe = inf, None
        else:
            self._probe = _Probe(now, min(self._next(), wanted))

    def _next(self) -> float:
        """The rate to try: half the way to what was too much, that itself once it is near, then beyond."""
        if self._limit >= self._too_much:
            self._too_much = inf
        if self._too_much == inf:
            return GROWTH * self._limit
        if self._too_much > NEAR * self._limit:
            return sqrt(self._limit * self._too_much)
        return max(self._too_much, NARROW * self._limit)

    def _allot(self, sound: float, pictures: Sequence[Picture], *, low_data: bool) -> tuple[tuple[int, ...], float]:
        """The layers of each picture that the limit has room for, and the rate all of it needs."""
        if self._limit == inf and not low_data:
            return (
                tuple(len(picture.rates) for picture in pictures),
                sound + sum(picture.rates[-1] for picture in pictures if picture.rates),
            )
        needed = sound
        counts = [0] * len(pictures)
        for number, layer in _by_worth(pictures, low_data=low_data):
            rates = pictures[number].rates
            cost = rates[layer] - (rates[layer - 1] if layer else 0.0)
            is_shown = number < len(self._shown) and self._shown[number] > layer
            room = self._limit * (1 + SLACK) if is_shown else self._limit
            if counts[number] == layer and needed + cost <= room:
                counts[number] += 1
                needed += cost
        return tuple(counts), needed


def _by_worth(pictures: Sequence[Picture], *, low_data: bool) -> Iterator[tuple[int, int]]:
    """Every layer of every picture as (picture, layer), what is missed most first: the shared screen, each camera
    small, each camera large."""
    screens = [number for number, picture in enumerate(pictures) if picture.is_screen and picture.rates]
    for number in screens:
        yield from ((number, layer) for layer in range(len(pictures[number].rates)))
    if low_data and screens:
        return
    cameras = [number for number, picture in enumerate(pictures) if not picture.is_screen]
    for layer in range(1 if low_data else max((len(picture.rates) for picture in pictures), default=0)):
        yield from ((number, layer) for number in cameras if layer < len(pictures[number].rates))
