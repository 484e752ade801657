"""Files of a closed period, written once: rendered, kept as bytes, listed and signed.

Over a connection that can wait, so in a thread; `jishi reports deliver` does the same for the
folders that it fills. What a file is, is ``reports/``'s; where it is kept, ``store/reports``'s.
"""

from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, TypeAlias, cast

import psycopg

from models.manifest import ListedFile
from models.period import Period
from models.pieces import PieceWriter
from models.record import Person
from models.report_profile import Profile
from models.report_profile_document import FileForm
from models.report_value import PeriodFacts
from reports.render import MEDIA_TYPES, render
from reports.signing import Signer
from store.figures.surroundings import load_moment
from store.reports.closing import close_period
from store.reports.files import (
    StoredManifest,
    keep_file,
    keep_piece,
    list_files,
    lock_files,
    newest_manifest,
    sign_files,
)
from store.reports.periods import records, subjects
from store.reports.profiles import find_profile
from store.reports.values import load_values
from store.run import run
from store.vouchers.documents import freeze_orders

Connection: TypeAlias = psycopg.Connection[Any]

#: What every closed period has: our own complete form.
ALWAYS: tuple[str, FileForm] = ("records", "csv")


def close_and_freeze(
    connection: Connection,
    period_id: int,
    signer: Signer,
    *,
    actor: str,
    tenant: int | None = None,
    calendar: str = "CN",
) -> Period | None:
    """Closes a period, writes what every closed period has, and signs it: all or nothing.

    Args:
        connection: Within a transaction of one snapshot.
        period_id: Which.
        signer: With the private key.
        actor: Who closes it.
        tenant: The one institution whose periods may be closed.
        calendar: That opening hours refer to.

    Raises:
        ClosedAlready: It was closed before.
        NotYet: Its last sessions are provisional.
    """
    steps = close_period(period_id, actor=actor, tenant=tenant, calendar=calendar)
    closed = run(connection, steps)
    if closed is not None:
        profile = run(connection, find_profile(ALWAYS[0]))
        assert profile is not None, "it is shipped"
        freeze_files(connection, closed, [(profile, ALWAYS[1])], signer)
        moment = run(connection, load_moment(calendar))
        run(connection, freeze_orders(closed, moment, signer.sign, signer.public.key_id))
    return closed


def file_name(profile: Profile, form: FileForm) -> str:
    """What a period's file in this form is called.

    A later version of the form is another file, so that both can stand beside one another.
    """
    return f"{profile.name}-{profile.version}.{form}"


def write_form(
    connection: Connection,
    period: Period,
    profile: Profile,
    form: FileForm,
    out: BinaryIO,
    persons: Mapping[int, Person] | None = None,
) -> int:
    """Writes a closed period in a form; how many rows.

    Args:
        connection: To the database.
        period: Closed.
        profile: The form.
        form: What kind of file.
        out: It is only written to.
        persons: By annotation; given only for what is not kept.

    Raises:
        ValueError: The form is not written as such a file.
    """
    return render(
        profile,
        records(connection, period.period_id),
        PeriodFacts.of(period),
        run(connection, load_values(period.period_id)),
        persons or {},
        out,
        form=form,
        subjects=subjects(connection, period.period_id),
    )


def freeze_files(
    connection: Connection,
    period: Period,
    wanted: Iterable[tuple[Profile, FileForm]],
    signer: Signer,
) -> StoredManifest:
    """Writes those files that a closed period does not have yet, and signs what it has then.

    Args:
        connection: Within a transaction, of which all of it is part.
        period: Closed.
        wanted: Forms and kinds of files.
        signer: With the private key.

    Returns:
        The newest manifest; without anything new the one that there was.

    Raises:
        ValueError: A form is not written as such a file.
    """
    run(connection, lock_files(period.period_id))
    there = {file.name for file in run(connection, list_files(period.period_id))}
    newest = run(connection, newest_manifest(period.period_id))
    new = {file_name(*one): one for one in wanted if file_name(*one) not in there}
    if not new and newest is not None:
        return newest
    for name, (profile, form) in new.items():
        _freeze(connection, period, name, profile, form)
    return run(connection, sign_files(period, signer.sign, signer.public.key_id))


def _freeze(
    connection: Connection,
    period: Period,
    name: str,
    profile: Profile,
    form: FileForm,
) -> None:
    def keep(n: int, piece: bytes) -> None:
        run(connection, keep_piece(period.period_id, name, n, piece))

    pieces = PieceWriter(keep)
    rows = write_form(connection, period, profile, form, cast("BinaryIO", pieces))
    size, sha256 = pieces.finish()
    listed = ListedFile(
        name=name,
        sha256=sha256,
        size=size,
        rows=rows,
        profile=profile.name,
        profile_version=profile.version,
    )
    run(connection, keep_file(period.period_id, listed, MEDIA_TYPES[form]))
