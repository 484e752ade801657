"""Takes a file of voucher orders: finds the instruments that it names, writes what is new."""

from typing import NamedTuple

from models.refusal import unnamed
from models.voucher_file import OrderFile, Problem, Stated
from store.present.bookings import find_instruments
from store.registry.audit import note
from store.run import Steps
from store.vouchers.orders import Outcome, write_orders


class Taken(NamedTuple):
    """What becomes of a file."""

    outcomes: list[Outcome]
    #: Rows that name no line, or no instrument.
    problems: list[Problem]

    def count(self, result: str) -> int:
        """How many rows became so."""
        found = sum(one.result == result for one in self.outcomes)
        return found + len(self.problems) if result == "rejected" else found


def take_orders(
    file: OrderFile,
    *,
    actor: str,
    tenant: int | None = None,
    institution_id: str | None = None,
    preview: bool = False,
) -> Steps[Taken]:
    """Takes what can be taken of a file.

    Args:
        file: As it was read.
        actor: Who brings it.
        tenant: The one institution whose instruments it may speak of; None: any.
        institution_id: The same by its id, for the audit.
        preview: Only tells what would become of it.
    """
    meant = yield from find_instruments({one.name for one in file.lines}, tenant)
    problems = list(file.problems)
    lines: list[tuple[int, Stated]] = []
    for one in file.lines:
        keys = meant.get(one.name, ())
        if len(keys) == 1:
            lines.append((keys[0], one))
        else:
            problems.append(Problem.of(one, unnamed(one.name, len(keys))))
    outcomes = yield from write_orders(lines, actor=actor, tenant=tenant, preview=preview)
    taken = Taken(outcomes, sorted(problems, key=lambda one: one.row))
    if not preview:
        yield from note(
            actor=actor,
            action="import",
            object_type="voucher_order",
            object_id=institution_id or "",
            before=None,
            after={
                name: taken.count(name) for name in ("created", "updated", "unchanged", "rejected")
            },
        )
    return taken
