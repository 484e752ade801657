"""What samples must count as, by brute force; it shares no code with the service, not even a type.

A row is a dict: ``at`` (corrected, µs) and ``ts``; ``state`` where it states one, else ``power_w``
and ``rule``, else ``available``; ``hold`` (µs). A rule is a dict of the contract's fields, or None.
Rows are the accepted ones without stale repeats, in order. All results are microseconds.

Each rule is written down as the contract has it, over the whole list, however often that looks at
the same row.
"""

SECOND = 1_000_000


def us(seconds):
    return round(seconds * SECOND)


def has_state(row):
    """Whether the row credits time at all."""
    return row.get("state") is not None or (
        row.get("power_w") is not None and row.get("rule") is not None
    )


def ends_credit(row):
    """Whether the credit of the row before ends with it: all but the word that it is online."""
    return row.get("available") is not True


def online_before(rows, index):
    """Whether the device's word in force at a row says that it is online."""
    words = [row["available"] for row in rows[:index] if row.get("available") is not None]
    return bool(words) and words[-1]


def credit_end(rows, index):
    """Until when a row would credit, its own hold, silence and what follows considered."""
    row = rows[index]
    end = row["at"] + row["hold"]
    silence = (row.get("rule") or {}).get("silence_s") if row.get("state") is None else None
    if silence is not None and online_before(rows, index):
        end = max(end, row["at"] + us(silence))
    for later in rows[index + 1 :]:
        if ends_credit(later):
            break
        if silence is not None and later["at"] <= end:
            end = max(end, row["at"] + us(silence))
    return end


def stretches(rows):
    """Known stretches: lists of indices of rows that credit time without a gap between them."""
    found = []
    last = None
    for index, row in enumerate(rows):
        if not has_state(row):
            if ends_credit(row):
                last = None
            continue
        if last is None or credit_end(rows, last) < row["at"]:
            found.append([])
        found[-1].append(index)
        last = index
    return found


def level(rows, stretch, place):
    """A sample's level; in the band, that of the sample before it in the stretch, else idle."""
    row = rows[stretch[place]]
    rule, power = row["rule"], row["power_w"]
    if power < rule["off_below_w"]:
        return "off"
    if power >= rule["run_from_w"]:
        return "running"
    if power < rule["run_until_w"]:
        return "idle"
    for earlier in range(place - 1, -1, -1):
        if rows[stretch[earlier]].get("state") is None:
            return level(rows, stretch, earlier)
    return "idle"


def runs(rows, stretch):
    """Runs of a stretch: (level, indices); a stated heartbeat is a run of its own, level None."""
    found = []
    for place, index in enumerate(stretch):
        if rows[index].get("state") is not None:
            found.append((None, [index]))
            continue
        own = level(rows, stretch, place)
        if found and found[-1][0] == own:
            found[-1][1].append(index)
        else:
            found.append((own, [index]))
    return found


def end_of_stretch(rows, last, now):
    """When the credit of a stretch's last row ends; what hold promises, not beyond now."""
    end = credit_end(rows, last)
    for later in rows[last + 1 :]:
        if ends_credit(later):
            return min(end, later["at"])
    return min(end, max(now, rows[last]["at"]))


def states(rows, now):
    """What each row counts as: a state, or None where it credits nothing."""
    found = [None] * len(rows)
    for stretch in stretches(rows):
        parts = runs(rows, stretch)
        before = None
        for number, (own, members) in enumerate(parts):
            first = rows[members[0]]
            if own is None:
                before = first["state"]
            elif before is None:
                before = own
            else:
                ends = (
                    rows[parts[number + 1][1][0]]["at"]
                    if number + 1 < len(parts)
                    else end_of_stretch(rows, members[-1], now)
                )
                dwell = 0
                if own == "running" and before != "running":
                    dwell = us(first["rule"]["dwell_start_s"])
                elif before == "running" and own != "running":
                    dwell = us(first["rule"]["dwell_stop_s"])
                if ends - first["at"] >= dwell:
                    before = own
            for member in members:
                found[member] = before
    return found


def credits_of(rows, now):
    """What each row credits: (start, end, state), the empty ones left out."""
    counted = states(rows, now)
    found = []
    for index, row in enumerate(rows):
        if counted[index] is None:
            continue
        end = min(credit_end(rows, index), now)
        for later in rows[index + 1 :]:
            if ends_credit(later):
                end = min(end, later["at"])
                break
        if row["at"] < end:
            found.append((row["at"], end, counted[index]))
    return found


def segments(rows, now):
    """Maximal stretches of one state."""
    found = []
    for start, end, state in credits_of(rows, now):
        if found and found[-1][1:] == (start, state):
            found[-1] = (found[-1][0], end, state)
        else:
            found.append((start, end, state))
    return found
