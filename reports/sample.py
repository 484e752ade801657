"""One made-up record that tells everything, to try forms on without any server."""

from decimal import Decimal
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from models.record import Annotation, Person, Purpose, Record, Source, Subject
from models.report_profile import Profile
from models.report_value import OPEN, PeriodFacts
from models.timestamp import parse_ts
from models.zone import DEFAULT_ZONE

PERIOD: Final = PeriodFacts(
    period_id=1,
    start_us=parse_ts("2026-01-01T00:00:00+08:00"),
    end_us=parse_ts("2027-01-01T00:00:00+08:00"),
    zone=ZoneInfo(DEFAULT_ZONE),
)
PERSON: Final = Person(
    operator_ref="P-1", name="某某", phone="021-00000000", email="somebody@example.org"
)


def sample(profile: Profile) -> tuple[Record, dict[str, str]]:
    """A record, and what was said of its instrument and period; open words are all filled in."""
    said: dict[str, dict[str, str]] = {}
    for column in profile.document.columns:
        plain = str(max(1, column.least or 1)) * (column.length or 1)
        word = next(iter((column.codes or {}).values()), plain)
        for name in column.value:
            beginning = next((one for one in OPEN if name.startswith(one)), None)
            if beginning is not None:
                key = name.removeprefix(beginning)
                said.setdefault(beginning, {})[key] = word
    subject = Subject(
        instrument_id="SEM-1",
        name="扫描电子显微镜",
        institution_id="U-1",
        institution_name="某某大学",
        class_code="0302",
        district_code="310104",
        region_code="310000",
        kind="general",
        value_cny=Decimal("1250000.00"),
        model="M-1",
        manufacturer="Maker",
        external_ids=said.get("instrument.external_ids.", {}),
        institution_external_ids=said.get("institution.external_ids.", {}),
        report_fields=said.get("instrument.report_fields.", {}),
        institution_report_fields=said.get("institution.report_fields.", {}),
    )
    start = parse_ts("2026-03-02T09:10:00+08:00")
    annotation = Annotation(
        annotation_id=1,
        at_us=start,
        purpose=Purpose.RESEARCH,
        user_type="external",
        user_unit="某某研究所",
        direction="材料科学",
        content="形貌观察",
        amount_cny=Decimal("600.00"),
        samples=3,
        more=said.get("annotation.more.", {}),
    )
    end = parse_ts("2026-03-02T11:40:00+08:00")
    record = Record(
        record_id="1-1",
        subject=subject,
        start_us=start,
        end_us=end,
        effective_us=end - start,
        tenths=25,
        source=Source.MEASURED,
        coverage=Fraction(1),
        annotation=annotation,
    )
    return record, said.get("value.", {})
