"""The words the relay and whoever drives it share: policies, entrants, outcomes and events.

Plain frozen dataclasses, no behaviour. Moments that cross this face are Unix seconds (`float`, the
server's clock); spans are seconds. Inside the relay every moment is monotonic seconds instead, so a
clock set back or forward during a call moves no timer (relay.node converts at the edge).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """Rule C2."""

    MEMBER = "member"
    GUEST = "guest"


class State(StrEnum):
    """Where a participant stands. Only CONNECTED and RECONNECTING are *live* (rule C5)."""

    WAITING = "waiting"  # asked to join, found no seat (rule C1)
    CONNECTING = "connecting"  # has a seat, media not yet up
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"  # silent for 4 s, until 20 s after the last packet


class GoneReason(StrEnum):
    LEFT = "left"
    REMOVED = "removed"  # by a member (rule C7)
    LOST = "lost"  # silent for 20 s (rule C5)
    FAILED = "failed"  # media never came up
    ENDED = "ended"  # the call ended
    REFUSED = "refused"  # the relay closed the leg: hostile or broken input


class EndReason(StrEnum):
    MEMBER_ENDED = "member_ended"  # "End call for all"
    NOBODY_JOINED = "nobody_joined"  # no member within ten minutes (rule C3)
    TIME_UP = "time_up"  # the scheduled end
    EMPTY = "empty"  # nobody live for 60 s (rule C9)
    CLOSED = "closed"  # by an administrator, or its place is gone
    ON_HOLD = "on_hold"  # a consultation whose last member has left (rule W9)


class Refusal(Exception):
    """What the relay would not do.

    `code` is one of: "bad_offer", "taken_over" (a newer Join holds the seat, rule C4), "removed",
    "no_such_call", "no_such_participant" (the seat is gone: join again), "not_allowed", "full" (only
    `reserve`), "busy" (only `mirror`), "draining".
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Policy:
    """How one kind of call behaves. Spans in seconds."""

    capacity: int = 4  # rule C1
    member_wait: float | None = 600.0  # rule C3; None: no deadline (a consultation)
    shield_guests: bool = True  # rule C3: without a live member guests neither hear nor see each other
    empty_after: float = 60.0  # rule C9
    ends_without_member: bool = False  # when the last live member has gone: a consultation is put on hold (rule W9)
    reconnecting_after: float = 4.0  # rule C5
    gone_after: float = 20.0  # rule C5
    connect_within: float = 15.0  # DTLS and first packet after the seat is given


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What the database remembers of a call, Unix seconds (rule C3: stored, a restart keeps it)."""

    member_deadline: float | None = None
    ends_at: float | None = None  # the scheduled end


@dataclass(frozen=True, slots=True)
class Media:
    """What a participant sends, as they chose it: False is muted, stopped or not shared."""

    microphone: bool = False
    camera: bool = False
    screen: bool = False


@dataclass(frozen=True, slots=True)
class Entrant:
    """Somebody with a ticket who asks for a seat. One identity has one seat and one connection (rule C4)."""

    participant_id: str  # the Seat's id, the same for every connection of that identity
    identity: str  # "user:7", "visitor:<uuid>", "invite:<uuid>"
    name: str
    role: Role
    connection: int  # rises with each press of Join; a lower one than the relay knows is refused
    media: Media = field(default_factory=Media)
    device_check: str = ""  # passed on as it is


@dataclass(frozen=True, slots=True)
class Answer:
    """The SDP answer of somebody who has a seat."""

    sdp: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """No seat yet: `Admitted` follows by itself, unless the entrant leaves or its consumer stops renewing."""


@dataclass(frozen=True, slots=True)
class Person:
    participant_id: str
    name: str
    role: Role
    state: State
    media: Media
    joined_at: float  # Unix seconds, first time in this call: the order in lists
    device_check: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """A whole snapshot of a call, never a delta. `version` rises with each.

    `slots[participant_id]` are the participants shown in that participant's three remote seats, None
    where a seat is empty; `screen` shares the screen with everybody else. People who wait are not in it.
    While `shielded`, guests are shown nobody but themselves (rule C3): not even a name.
    """

    version: int
    people: tuple[Person, ...]
    slots: dict[str, tuple[str | None, str | None, str | None]]
    screen: str | None = None
    started_at: float | None = None  # first participant live: elapsed time counts from here
    shielded: bool = False


@dataclass(frozen=True, slots=True)
class ParticipantLive:
    """First media of a stay: opens an Attendance. A take-over or a return from reconnecting does not repeat it."""

    call_id: str
    participant_id: str
    at: float


@dataclass(frozen=True, slots=True)
class ParticipantGone:
    """The seat is free. `was_live` is False for somebody whose media never came up or who only waited."""

    call_id: str
    participant_id: str
    reason: GoneReason
    was_live: bool
    at: float


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody who waited has a seat now; the answer to the offer they came with."""

    call_id: str
    participant_id: str
    connection: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class AdmissionFailed:
    """Somebody who waited had a seat coming, but their offer could no longer be used."""

    call_id: str
    participant_id: str
    connection: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TakenOver:
    """`connection` lost its seat to a newer Join of the same person (rule C4)."""

    call_id: str
    participant_id: str
    connection: int


@dataclass(frozen=True, slots=True)
class RosterChanged:
    call_id: str
    roster: Roster


@dataclass(frozen=True, slots=True)
class CountdownChanged:
    """`kind`: "member" (rule C3), "end" (scheduled end) or None when no countdown runs."""

    call_id: str
    kind: str | None
    ends_at: float | None


@dataclass(frozen=True, slots=True)
class MemberDeadlineChanged:
    """To be stored with the call (rule C3)."""

    call_id: str
    member_deadline: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """What does not come through, as the page of `participant_id` is told it: whole, on change."""

    call_id: str
    participant_id: str
    paused: tuple[str, ...] = ()  # whose cameras are not sent to this page
    unseen: tuple[str, ...] = ()  # who is not sent this page's camera
    weak: tuple[str, ...] = ()  # whose connection is poor; this page's own person may be among them
    unheard: tuple[str, ...] = ()  # who should hear this page's person, and does not
    screen_paused: bool = False  # the shared screen is not sent to this page


@dataclass(frozen=True, slots=True)
class Speaking:
    """Who speaks now, the active speaker first. At most twice a second."""

    call_id: str
    participant_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChatPosted:
    call_id: str
    participant_id: str
    name: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class CallEnded:
    call_id: str
    reason: EndReason
    at: float


Event = (
    ParticipantLive
    | ParticipantGone
    | Admitted
    | AdmissionFailed
    | TakenOver
    | RosterChanged
    | CountdownChanged
    | MemberDeadlineChanged
    | Quality
    | Speaking
    | ChatPosted
    | CallEnded
)


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    call_id: str
    live: int
    waiting: int


@dataclass(frozen=True, slots=True)
class NodeSnapshot:
    """Load figures of a node: counters since its start, for leases, metrics and the bench."""

    calls: tuple[CallSnapshot, ...]
    legs: int
    packets_in: int
    packets_out: int
    dropped: dict[str, int]  # by reason: "stun", "unknown_address", "srtp", "rtp", "rtcp", …
    loop_lag: float  # seconds, the worst of the last ten
    mirrors: int = 0  # network checks under way
