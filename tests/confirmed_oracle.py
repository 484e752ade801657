"""Confirmed time by brute force, of heartbeats alone; shares no code with what it is held to."""

HOUR = 3_600_000_000


def pieces(beats, hold, longest):
    """Runs of one state within an hour each, before the hour has a gap or a step too long."""
    beats = sorted(beats)
    ends = [beat[0] for beat in beats[1:]] + [10**18]
    steps = [(t, min(end, t + hold), state) for (t, state), end in zip(beats, ends, strict=True)]
    runs = []
    for start, end, state in steps:
        if runs and runs[-1][1] == start and runs[-1][2] == state:
            runs[-1][1] = end
        else:
            runs.append([start, end, state])
    found = []
    for start, end, state in runs:
        for hour in range(start // HOUR, (end - 1) // HOUR + 1):
            low, high = max(start, hour * HOUR), min(end, (hour + 1) * HOUR)
            # From the hour's beginning on: no time without credit, and no step that is too long.
            over = [(a, b) for a, b, _ in steps if a < high and b > hour * HOUR]
            credited = sum(min(b, high) - max(a, hour * HOUR) for a, b in over)
            if credited == high - hour * HOUR and max(b - a for a, b in over) <= longest:
                found.append((low, high, state))
    return found


def _parted(known, low, high, gap):
    """Whether off time, or idle time longer than a session may hold, lies between two instants."""
    idle = []
    for start, end, state in known:
        if state == "off" and start <= high and end > low:
            return True
        if state == "idle" and idle and idle[-1][1] == start:
            idle[-1][1] = end
        elif state == "idle":
            idle.append([start, end])
    return any(end - start > gap and start <= high and end > low for start, end in idle)


def _stays(known, said, gap):
    """External instants that nothing newer takes back; ``said``: (instant, number, external)."""
    return [
        at
        for at, number, external in said
        if external
        and not any(
            newer > number and not other and not _parted(known, min(at, by), max(at, by), gap)
            for by, newer, other in said
        )
    ]


def figures(beats, start, end, *, hold, longest, gap, shortest, said=()):
    """Running, unused, effective and effective external time within ``[start, end)``."""
    known = pieces(beats, hold, longest)
    external = _stays(known, said, gap)
    inside = [(max(a, start), min(b, end), s) for a, b, s in known if a < end and b > start]
    running = sum(b - a for a, b, s in inside if s == "running")
    unused = sum(b - a for a, b, s in inside if s != "running")
    sessions, reach = [], None
    for low, high, state in known:
        if state == "off":
            reach = None
            continue
        touches = reach == low
        if state == "running":
            if touches and sessions and low - sessions[-1][-1][1] <= gap:
                sessions[-1].append((low, high))
            else:
                sessions.append([(low, high)])
            reach = high
        else:
            reach = high if touches else None
    effective = outside = 0
    for runs in sessions:
        if runs[-1][1] - runs[0][0] < shortest:
            continue
        used = sum(max(0, min(b, end) - max(a, start)) for a, b in runs)
        effective += used
        low, high = max(runs[0][0], start), min(runs[-1][1], end)
        outside += used if any(low <= at < high for at in external) else 0
    return running, unused, effective, outside
