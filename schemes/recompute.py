"""Makes every score, bound, rank and band anew of scheme.json and data-*.json, holds them to
result.json, and all files to the digests of manifest-1.json: python3 recompute.py [FOLDER]"""

import hashlib
import json
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

MISSING = [None, Fraction(0), None]  # value, least and most: None is nothing said, or no end


def read(path):
    return json.loads(path.read_bytes(), parse_int=Fraction, parse_float=Fraction)


def added(numbers):
    return None if None in numbers else sum(numbers, Fraction(0))


def amounts(asked, inputs):  # an input, or one divided by another
    value, low, high = inputs.get(asked["input"], MISSING)
    if not asked.get("over"):
        return value, low, high
    over, least, most = inputs.get(asked["over"], MISSING)
    value = None if value is None or not over else value / over
    high = None if high is None or not least else high / least
    return value, low / most if most else Fraction(0), high


def points(term, inputs):  # of the value, the least and the most; and what is missing of it
    def of(amount):
        if amount is None or "points" in term:
            return amount and amount * term["points"] / term.get("per", 1)
        return ([Fraction(0)] + [s["points"] for s in term["steps"] if s["from"] <= amount])[-1]

    value, low, high = amounts(term, inputs)
    endless = high is None and "steps" in term
    ends = [of(low), term["steps"][-1]["points"] if endless else of(high)]
    falls = term["points"] < 0 if "points" in term else ends[0] > ends[1]
    names = [name for name in (term["input"], term.get("over")) if name]
    missing = [name for name in names if inputs.get(name, MISSING)[0] is None]
    unsaid = missing or (names[1:] if value is None else [])  # or divided by nothing
    return [of(value), *(ends[::-1] if falls else ends)], unsaid


def score(scheme, inputs):
    criteria, shares = [], []
    for one in scheme["criteria"]:
        full, parts = one.get("full", 100), [points(term, inputs) for term in one["terms"]]
        value, low, high = map(added, zip(*(sums for sums, _ in parts)))
        reached = (value, 0 if low is None else low, full if high is None else high)
        shares += [[x and one["weight"] * Fraction(min(max(x, 0), full)) / full for x in reached]]
        missing = sorted({name for _, names in parts for name in names})
        criteria += [{"name": one["name"], **told(shares[-1], scheme), "missing": missing}]
    met = [amounts(floor, inputs)[1] >= floor["least"] for floor in scheme.get("floors", ())]
    return {**told(map(added, zip(*shares)), scheme), "criteria": criteria, "floors_met": met}


def told(numbers, scheme):  # rounded, the half up
    scale = 10 ** int(scheme.get("decimals", 2))
    whole = [x if x is None else Fraction((2 * x * scale + 1) // 2, scale) for x in numbers]
    return dict(zip(("score", "lower", "upper"), whole))


def evaluate(scheme, instruments):
    found, homes = {}, {}
    for one in instruments:
        of = "institution_id" if scheme.get("subject") == "institution" else "instrument_id"
        homes.setdefault(one[of], (one["institution_id"], []))[1].append(one["inputs"])
    for name, (home, those) in homes.items():
        inputs = {key: [added(x) for x in zip(*(i[key] for i in those))] for key in those[0]}
        found[name] = {"subject_id": name, "institution_id": home, **score(scheme, inputs)}
    lowers = sorted(one["lower"] for one in found.values() if all(one["floors_met"]))
    ranks, tied = {x: len(lowers) - at for at, x in enumerate(lowers)}, Counter(lowers)
    for one in found.values():
        one["rank"] = ranks[one["lower"]] if all(one["floors_met"]) else None
        one["tied"] = tied[one["lower"]] if one["rank"] else 1
        for key, bound in (("band", "lower"), ("band_upper", "upper")):
            names = [b["name"] for b in scheme.get("bands", ()) if b["from"] <= one[bound]]
            one[key] = names[0] if names and (one["rank"] or bound == "upper") else None
    return found


if __name__ == "__main__":
    folder, faults = Path(*sys.argv[1:2]), []
    for file in read(folder / "manifest-1.json")["files"]:
        if hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest() != file["sha256"]:
            faults.append(f"{file['name']}: not the bytes that the manifest has")
    data = [one for path in folder.glob("data-*.json") for one in read(path)["instruments"]]
    ours = evaluate(read(folder / "scheme.json"), data)
    theirs = {one["subject_id"]: one for one in read(folder / "result.json")["subjects"]}
    for name in sorted(ours.keys() | theirs.keys()):
        mine, said = ours.get(name, {}), theirs.get(name, {})
        differ = sorted(key for key in mine | said if mine.get(key) != said.get(key))
        faults += [f"{name}: {key} is {said.get(key)}, not {mine.get(key)}" for key in differ]
    sys.exit("\n".join(faults) or print(f"all {len(ours)} are as published"))
