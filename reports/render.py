"""Records in a form, as a file: however many they are, few are held in memory at once.

The same records give the same bytes: no file says when it was made. What a form is, is
`models/report_profile.py`'s.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import BinaryIO, Final, TypeAlias

from models.record import Person, Record, Subject
from models.report_profile import Profile, rows
from models.report_profile_document import FileForm
from models.report_value import PeriodFacts, Row
from reports.csv_file import write_csv
from reports.json_file import write_json
from reports.parquet_file import write_parquet
from reports.spelling import Portion
from reports.xlsx_file import write_xlsx
from reports.xml_file import write_xml

Writer: TypeAlias = Callable[[Profile, PeriodFacts, Iterable[Portion], BinaryIO], None]
#: Rows that become cells at once.
AT_ONCE: Final = 100

WRITERS: Final[Mapping[FileForm, Writer]] = {
    "csv": write_csv,
    "json": write_json,
    "xlsx": write_xlsx,
    "parquet": write_parquet,
    "xml": write_xml,
}
MEDIA_TYPES: Final[Mapping[FileForm, str]] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "xml": "application/xml",
}


def render(
    profile: Profile,
    records: Iterable[Record],
    period: PeriodFacts,
    values: Mapping[str, Mapping[str, str]],
    persons: Mapping[int, Person],
    out: BinaryIO,
    *,
    form: FileForm | None = None,
    subjects: Iterable[Subject] | None = None,
) -> int:
    """Write records in a form.

    A cell that its value does not fit stays empty: what is lacking was to be had before
    (`models/report_lack.py`), and no record is ever left out.

    Args:
        profile: The form.
        records: In the order of instrument and start.
        period: What they are of.
        values: By instrument, what was said of it and the period.
        persons: By annotation, who asked; none in anything that is kept.
        out: Where the bytes go; it is only written to.
        form: What kind of file; the profile's usual one.
        subjects: All instruments of the period, in the same order, for forms with a row an
            instrument.

    Returns:
        How many rows were written.

    Raises:
        ValueError: the profile has no such form; or records are not in the order of subjects.
    """
    forms = profile.document.forms
    if form is not None and form not in forms:
        raise ValueError(f"{profile.name} is not written as {form}; it is as {', '.join(forms)}")
    counted = _Counted(rows(profile, records, period, values, persons, subjects))
    WRITERS[form or forms[0]](profile, period, _portions(profile, counted), out)
    return counted.number


class _Counted:
    """Rows, and how many went by."""

    def __init__(self, those: Iterable[Row]) -> None:
        self.number = 0
        self._those = iter(those)

    def take(self, most: int) -> list[Row]:
        """The next ones."""
        taken = list(islice(self._those, most))
        self.number += len(taken)
        return taken


def _portions(profile: Profile, those: _Counted) -> Iterator[Portion]:
    while taken := those.take(AT_ONCE):
        yield [column.cells(taken) for column in profile.columns]
