"""What an instrument does now: connectivity, activity, cause, flags (rules 1, 9, 10, 14).

Everything follows from four values and the time: the instrument's standing as ingest keeps it,
its gateway's word, whether a collector listens, and the piece of segment that covers now where
the open one lies ahead. The rows are read in ``store/sql/status.sql``; what a window was made of is
``usage.py``'s.
"""

from dataclasses import dataclass
from enum import StrEnum

from models.fold import Track
from models.segment import Segment


class Connectivity(StrEnum):
    """The link: whether the instrument's newest live heartbeat still holds."""

    ONLINE = "online"
    OFFLINE = "offline"
    NEVER_SEEN = "never_seen"


class Activity(StrEnum):
    """What the instrument itself does; unknown whenever it is not online."""

    RUNNING = "running"
    IDLE = "idle"
    OFF = "off"
    UNKNOWN = "unknown"


class AbsenceCause(StrEnum):
    """Why an instrument is not online: the words of rule 14, and ``clock``."""

    BEFORE_FIRST = "before_first"
    COLLECTOR = "collector"
    GATEWAY = "gateway"
    DEVICE = "device"
    CLOCK = "clock"


class Flag(StrEnum):
    """What is odd about an instrument's heartbeats."""

    CLOCK_FUTURE = "clock_future"
    STALE_REPEAT = "stale_repeat"
    UNSEQUENCED = "unsequenced"
    COUNTER_DISAGREES = "counter_disagrees"
    ENERGY_DISAGREES = "energy_disagrees"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An instrument's row of status, and what its gateway is known to do."""

    track: Track
    #: Hold of a heartbeat that says nothing itself (rule 1), from the version in force (µs).
    hold_us: int
    last_received_us: int | None = None
    #: Receipt of the last heartbeat that was refused because its clock ran ahead (rule 7).
    clock_future_us: int | None = None
    counter_disagrees: bool = False
    #: It ran for an hour in which its device counted no energy.
    energy_disagrees: bool = False
    #: Since when the gateway has been off by its own word or its will; None: it is not.
    gateway_off_since_us: int | None = None
    #: Smallest receipt - ts of the gateway's live heartbeats (rule 8); None: not known.
    skew_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The answer for one instrument and one moment."""

    connectivity: Connectivity
    activity: Activity
    #: Why it is not online; None while it is.
    cause: AbsenceCause | None
    #: Start of the present segment, an unknown one included; None before the first heartbeat.
    since_us: int | None
    #: Time of the newest heartbeat that counts.
    last_heartbeat_us: int | None
    last_received_us: int | None
    #: Of the newest heartbeat, while the instrument is online.
    power_w: float | None
    skew_us: int | None
    flags: tuple[Flag, ...]


def is_online(track: Track, now_us: int) -> bool:
    """Whether the newest live heartbeat still holds (rules 1, 10)."""
    return track.live_until_us is not None and now_us < track.live_until_us


def covers_now(track: Track, now_us: int) -> bool:
    """Whether the open segment says what the instrument does now."""
    return (
        track.piece_from_us is not None
        and track.credit_until_us is not None
        and track.piece_from_us <= now_us < track.credit_until_us
    )


def lies_ahead(track: Track, now_us: int) -> bool:
    """Whether the open segment begins after now, so that closed ones must say what is now."""
    return track.piece_from_us is not None and now_us < track.piece_from_us


def derive_status(
    standing: Standing, now_us: int, *, listening: bool = True, before: Segment | None = None
) -> Status:
    """The status of one instrument.

    Args:
        standing: What is stored.
        now_us: The moment; the database's.
        listening: Whether a collector takes heartbeats now.
        before: The newest closed segment that began at or before now; asked for only where the
            open one lies ahead (`lies_ahead`).

    Returns:
        Values as the contract names them.
    """
    track = standing.track
    online = is_online(track, now_us)
    activity = Activity.UNKNOWN
    if track.first_at_us is None:
        since = None
    elif covers_now(track, now_us):
        assert track.state is not None
        activity = Activity(track.state.word)
        since = track.segment_from_us
    elif lies_ahead(track, now_us):
        if before is None:
            since = None  # its first heartbeat lies ahead
        elif now_us < before.end_us:
            activity = Activity(before.state.word)
            since = before.start_us
        else:
            since = before.end_us
    else:
        since = track.first_at_us if track.credit_until_us is None else track.credit_until_us
    if not online and activity is not Activity.UNKNOWN:
        # Heartbeats that came late or flagged historical speak of now, but nothing is alive.
        activity = Activity.UNKNOWN
        since = track.live_until_us if track.live_until_us is not None else since
    if track.first_at_us is None:
        connectivity = Connectivity.NEVER_SEEN
    else:
        connectivity = Connectivity.ONLINE if online else Connectivity.OFFLINE
    return Status(
        connectivity=connectivity,
        activity=activity,
        cause=None if online else _cause(standing, now_us, listening),
        since_us=since,
        last_heartbeat_us=_last_heard(track),
        last_received_us=standing.last_received_us,
        power_w=track.power_w if online else None,
        skew_us=standing.skew_us,
        flags=_flags(standing, now_us),
    )


def _last_heard(track: Track) -> int | None:
    """The newest heartbeat that credits time or keeps the instrument alive."""
    times = [at for at in (track.credit_from_us, track.live_at_us) if at is not None]
    return max(times, default=None)


def _cause(standing: Standing, now_us: int, listening: bool) -> AbsenceCause:
    """The first that fits; a wrong clock goes before all, since such a device does speak."""
    track = standing.track
    if _runs_ahead(standing, now_us) or _runs_behind(standing, now_us):
        return AbsenceCause.CLOCK
    if track.first_at_us is None or track.first_at_us > now_us:
        return AbsenceCause.BEFORE_FIRST
    if not listening:
        return AbsenceCause.COLLECTOR
    if standing.gateway_off_since_us is not None and standing.gateway_off_since_us <= now_us:
        return AbsenceCause.GATEWAY
    return AbsenceCause.DEVICE


def _hold_us(standing: Standing) -> int:
    """How long a heartbeat of this instrument holds: as the newest one did, else by setting."""
    track = standing.track
    if track.credit_from_us is not None and track.credit_until_us is not None:
        return track.credit_until_us - track.credit_from_us
    return standing.hold_us


def _runs_ahead(standing: Standing, now_us: int) -> bool:
    """It was heard within a hold, but from the future, and nothing has been taken since."""
    refused = standing.clock_future_us
    return (
        refused is not None
        and now_us < refused + _hold_us(standing)
        and (standing.last_received_us is None or standing.last_received_us <= refused)
    )


def _runs_behind(standing: Standing, now_us: int) -> bool:
    """It was heard within a hold, and its gateway stamps everything more than a hold ago."""
    hold_us = _hold_us(standing)
    return (
        standing.skew_us is not None
        and standing.skew_us >= hold_us
        and standing.last_received_us is not None
        and now_us < standing.last_received_us + hold_us
    )


def _flags(standing: Standing, now_us: int) -> tuple[Flag, ...]:
    track = standing.track
    flags: list[Flag] = []
    refused = standing.clock_future_us
    if refused is not None and (
        standing.last_received_us is None
        or standing.last_received_us <= refused
        # One good heartbeat among bad ones does not mend a clock.
        or now_us < refused + _hold_us(standing)
    ):
        flags.append(Flag.CLOCK_FUTURE)
    if track.newest_stale:
        flags.append(Flag.STALE_REPEAT)
    if track.first_at_us is not None and track.newest_seq is None:
        flags.append(Flag.UNSEQUENCED)
    if standing.counter_disagrees:
        flags.append(Flag.COUNTER_DISAGREES)
    if standing.energy_disagrees:
        flags.append(Flag.ENERGY_DISAGREES)
    return tuple(flags)
