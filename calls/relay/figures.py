"""What the relay says of its packets, for metrics and for who looks after it: plain numbers, as they stand when asked.

Counters go from the leg's start and only rise; nothing here is counted for each packet that is not counted anyway.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """What somebody sends. `layer` is a camera's RID, empty where there is but one."""

    name: str  # "microphone", "camera" or "screen"
    layer: str
    bitrate: int  # bits/s of payload, over the last second
    packets: int  # received, retransmissions not among them
    lost: int  # on the way up, before repair
    repaired: int
    asked_again: int  # packets, each time one was asked for (NACK)
    keyframes_asked: int


@dataclass(frozen=True, slots=True)
class SlotFigures:
    """What somebody is sent. `layer` is the one of a camera that is shown now."""

    mline: int
    layer: str
    bitrate: int  # bits/s of payload: what is shown sends so much
    packets: int  # repairs not among them
    repaired: int  # packets sent again


@dataclass(frozen=True, slots=True)
class LegFigures:
    participant_id: str
    connected: bool
    round_trip: float  # seconds, smoothed
    sources: tuple[SourceFigures, ...]
    slots: tuple[SlotFigures, ...]


@dataclass(frozen=True, slots=True)
class CallFigures:
    call_id: str
    live: int
    waiting: int
    legs: tuple[LegFigures, ...]

    @property
    def received(self) -> int:
        return sum(source.packets for leg in self.legs for source in leg.sources)

    @property
    def forwarded(self) -> int:
        return sum(slot.packets + slot.repaired for leg in self.legs for slot in leg.slots)
