"""What lines of voucher orders must be, by brute force, second by second; shares no code.

Heartbeats are (second, state); lines are (scheme, reference, line, start, end, claimed), all whole
seconds. Every second of a stretch is a number of its own, and every set is a set of such numbers.
"""


def states(beats, hold, low, high):
    """State of each second that is known."""
    beats = sorted(beats)
    found = {}
    for place, (at, state) in enumerate(beats):
        end = min(at + hold, beats[place + 1][0]) if place + 1 < len(beats) else at + hold
        for second in range(max(at, low), min(end, high)):
            found[second] = state
    return found


def effective(known, gap, shortest):
    """Seconds of running within sessions."""
    runs, run, reach, last = [], [], None, None
    for second in sorted(known):
        touches = reach == second
        if known[second] == "running":
            if run and touches and second - last - 1 <= gap:
                run.append(second)
            else:
                runs.append(run)
                run = [second]
            reach, last = second + 1, second
        elif known[second] == "idle" and touches:
            reach = second + 1
    runs.append(run)
    return {s for run in runs if run and run[-1] + 1 - run[0] >= shortest for s in run}


def confirmed(beats, known, hold, longest, low, high):
    """What of the known seconds no missing heartbeat could undo: from each hour's beginning."""
    beats = sorted(beats)
    too_long = set()
    for place, (at, _) in enumerate(beats):
        end = min(at + hold, beats[place + 1][0]) if place + 1 < len(beats) else at + hold
        if end - at > longest:
            too_long.update(range(at, end))
    # A long step taints all of its state's stretch in each hour that it touches.
    found = {}
    for hour in range(low // 3_600, high // 3_600 + 1):
        second, end = hour * 3_600, (hour + 1) * 3_600
        while second < end and second in known:
            stretch = second
            while stretch < end and known.get(stretch) == known[second]:
                stretch += 1
            if any(one in too_long for one in range(second, stretch)):
                break
            found.update((one, known[one]) for one in range(second, stretch))
            second = stretch
    return found


def serve(lines, seconds):
    """What each line gets: the lowest seconds that nobody had, in the order of turns."""
    left = set(seconds)
    got = {}
    for line in sorted(lines, key=lambda one: (one[4], one[3], one[0], one[1], one[2])):
        mine = sorted(s for s in left if line[3] <= s < line[4])[: line[5]]
        left -= set(mine)
        got[line] = mine
    return got


def judge(lines, beats, *, hold, longest, gap, shortest):
    """Verdict, used, confirmed and possible seconds of each line."""
    low = min(one[3] for one in lines) - 7_200
    high = max(one[4] for one in lines) + 7_200
    low -= low % 3_600
    known = states(beats, hold, low, high)
    sure = confirmed(beats, known, hold, longest, low, high)
    could = {**dict.fromkeys(range(low, high), "running"), **known}
    offers = [serve(lines, effective(one, gap, shortest)) for one in (known, sure, could)]
    found = {}
    for line in lines:
        used, certain, most = (len(offer[line]) for offer in offers)
        found[line] = verdict(line[5], used, certain, most), used, certain, most
    return found


def verdict(claimed, used, certain, most):
    lack = max(claimed * 5 / 100, 360)
    needed = max(claimed - lack, min(claimed, 1e-6))
    if claimed == 0:
        return "none"
    if certain >= needed:
        return "covered"
    if most < needed:
        return "partly" if used else ("undetermined" if most else "none")
    return "undetermined"
