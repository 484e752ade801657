"""Makes an evaluation: reads closed periods, judges, writes its files and signs them, once.

Over a connection that can wait, so in a thread (`freezer.py`). What a scheme makes of inputs is in
``models/``, what is kept in ``store/evaluation``.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import schemes
from api.freezing import Connection
from models.evaluation import Judged, evaluate
from models.evaluation_file import data_file, result_file, scheme_file
from models.manifest import SIGNATURE_ENDING, EvaluationManifest, ListedFile
from models.period import Period, PeriodState
from models.scheme_document import SchemeDocument
from models.timestamp import format_instant
from reports.signing import Signer
from store.evaluation.evaluations import Evaluation, add_evaluation, find_evaluation, keep_files
from store.evaluation.inputs import load_judged
from store.registry.audit import note
from store.reports.register import find_period
from store.run import run


class Unfit(Exception):  # noqa: N818 - named after what is so
    """Periods that cannot be judged together."""


def judge(
    connection: Connection,
    scheme: SchemeDocument,
    period_ids: Iterable[int],
    signer: Signer,
    *,
    actor: str,
) -> Evaluation:
    """Evaluates closed periods; their order changes nothing.

    Args:
        connection: Within a transaction of one snapshot.
        scheme: By which.
        period_ids: Of one window, and no instrument in two of them.
        signer: With the private key.
        actor: Who makes it.

    Raises:
        Unfit: A period is not there, open, or does not go with the others.
        NothingConfirmed: A period was closed before anything was kept that bounds follow from.
    """
    periods = _together(connection, sorted(set(period_ids)))
    judged = {one.period_id: run(connection, load_judged(one, scheme.inputs)) for one in periods}
    _once(judged)
    instruments = [one for those in judged.values() for one in those]
    placed = evaluate(scheme, instruments)
    evaluation_id, made_us = run(connection, add_evaluation(scheme, periods, placed, actor=actor))
    files = [("scheme.json", scheme_file(scheme), 1)]
    files += [
        (f"data-{one.period_id}.json", data_file(_facts(one), those), len(those))
        for one, those in zip(periods, judged.values(), strict=True)
    ]
    files += [
        ("result.json", result_file(scheme, placed), len(placed)),
        ("recompute.py", schemes.RECOMPUTE.read_bytes(), 0),
    ]
    manifest = EvaluationManifest(
        number=1,
        evaluation_id=evaluation_id,
        scheme=scheme.name,
        scheme_version=scheme.version,
        made_at=format_instant(made_us),
        made_by=actor,
        key_id=signer.public.key_id,
        previous=None,
        files=tuple(
            ListedFile(
                name=name,
                sha256=sha256(data).hexdigest(),
                size=len(data),
                rows=rows,
                profile=scheme.name,
                profile_version=scheme.version,
            )
            for name, data, rows in files
        ),
    )
    told = manifest.encode()
    kept = {name: data for name, data, _ in files}
    kept |= {manifest.name: told, manifest.name + SIGNATURE_ENDING: signer.sign(told)}
    run(connection, keep_files(evaluation_id, kept))
    made = run(connection, find_evaluation(evaluation_id))
    assert made is not None, "it was just made"
    entry = note(
        actor=actor,
        action="create",
        object_type="evaluation",
        object_id=str(evaluation_id),
        before=None,
        after={
            "scheme": scheme.name,
            "version": scheme.version,
            "period_ids": made.period_ids,
            "subjects": made.subjects,
        },
    )
    run(connection, entry)
    return made


def _together(connection: Connection, period_ids: Sequence[int]) -> list[Period]:
    """Closed periods of one window, by their ids."""
    found: list[Period] = []
    for period_id in period_ids:
        period = run(connection, find_period(period_id))
        if period is None:
            raise Unfit(f"there is no period {period_id}")
        if period.state is PeriodState.OPEN:
            raise Unfit(f"period {period_id} is open: an evaluation is of closed ones")
        if found and (period.start_us, period.end_us) != (found[0].start_us, found[0].end_us):
            raise Unfit(
                f"periods {found[0].period_id} and {period_id} are of different times: those of"
                " one evaluation have the same"
            )
        found.append(period)
    return found


def _once(judged: dict[int, list[Judged]]) -> None:
    seen: dict[str, int] = {}
    for period_id, those in judged.items():
        for one in those:
            before = seen.setdefault(one.subject_id, period_id)
            if before != period_id:
                raise Unfit(
                    f"instrument {one.subject_id!r} is in periods {before} and {period_id}: it"
                    " would count twice"
                )


def _facts(period: Period) -> dict[str, object]:
    assert period.closed_us is not None, "it is closed"
    return {
        "period_id": period.period_id,
        "institution_id": period.institution_id,
        "from": format_instant(period.start_us),
        "to": format_instant(period.end_us),
        "tz": period.timezone,
        "closed_at": format_instant(period.closed_us),
        "revision": period.digest,
    }
