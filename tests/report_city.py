"""Made-up records of any number, one after another, for tests of what is made of them."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from models.record import Annotation, Person, Purpose, Record, Source, Subject
from models.report_value import PeriodFacts

HOUR_US = 3_600_000_000
SHANGHAI = ZoneInfo("Asia/Shanghai")
START_US = 1_788_192_000_000_000  # 2026-09-01 00:00 in Shanghai
PERIOD = PeriodFacts(
    period_id=7,
    start_us=START_US,
    end_us=START_US + 333 * 24 * HOUR_US,  # to 2027-07-31
    zone=SHANGHAI,
    as_of_us=START_US + 400 * 24 * HOUR_US,
    revision="r1",
)
PURPOSES = tuple(Purpose)


def subject(number: int = 1, **fields: object) -> Subject:
    """An instrument that every form has all of."""
    known: dict[str, object] = {
        "instrument_id": f"I{number:06d}",
        "name": f"场发射扫描电子显微镜 {number}",
        "institution_id": "U-1",
        "institution_name": "测试大学",
        "class_code": "0302",
        "district_code": "310104",
        "region_code": "310000",
        "kind": "general",
        "value_cny": Decimal("1250000.00"),
        "model": "SU8600",
        "manufacturer": "Maker, Inc.",
        "external_ids": {"cers": f"S{number:06d}", "asset": f"A{number}"},
        "institution_external_ids": {"school-code": "10246", "school-id": "4131010246"},
        "report_fields": {
            "department": "分析测试中心",
            "address": "1 号楼",
            "CHARGEMAN": "测试员",
            "服务方式": "占用共享",
            "本次服务是否签订协议": "是",
            "是否在单位内使用": "单位内使用",
        },
        "institution_report_fields": {},
    }
    return Subject(**(known | fields))  # type: ignore[arg-type]


def annotation(number: int = 1, **fields: object) -> Annotation:
    """All that forms ask for of a use."""
    known: dict[str, object] = {
        "annotation_id": number,
        "at_us": START_US + number * HOUR_US,
        "purpose": PURPOSES[number % 3],
        "user_type": "external" if number % 2 else "internal",
        "user_unit": "某某研究所",
        "direction": "材料科学",
        "content": f"样品 {number}：形貌 & <能谱>",
        "amount_cny": Decimal(number % 1000) + Decimal("0.50"),
        "samples": number % 7,
        "more": {"服务经费来源": "国家自然科学基金,其他", "用户评价及意见": "非常满意 - 无"},
    }
    return Annotation(**(known | fields))  # type: ignore[arg-type]


def record(number: int = 1, of: Subject | None = None, **fields: object) -> Record:
    """A use of 20 minutes and some microseconds, at its own hour."""
    start = START_US + (number % 7_000) * HOUR_US + 7
    length = HOUR_US // 3 + number % 1_000
    known: dict[str, object] = {
        "record_id": f"7-{number}",
        "subject": of or subject(),
        "start_us": start,
        "end_us": start + length,
        "effective_us": length - 1,
        "tenths": 3 + number % 2,
        "source": Source.MEASURED,
        "coverage": Fraction(2, 3),
        "annotation": annotation(number),
    }
    return Record(**(known | fields))  # type: ignore[arg-type]


def records(number: int, instruments: int = 10) -> Iterator[Record]:
    """So many records in the order of their instruments, none of which is kept."""
    each = -(-number // instruments)
    made = 0
    for instrument in range(1, instruments + 1):
        of = subject(instrument)
        for _ in range(min(each, number - made)):
            made += 1
            yield record(made, of)


PERSON = Person(operator_ref="P-1", name="测试人", phone="021-0000000", email="a@example.org")
