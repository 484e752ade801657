"""The forms that ship, held to what they are copied from, column by column."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema_rs
import pytest

import profiles
from models.report_profile import Profile, ProfileError
from models.report_profile_document import ProfileDocument

_NRII = """
    记录编号 仪器名称 所在单位仪器编号 服务记录内部编号 服务金额(元) 服务开始时间
    服务结束时间 实际服务内容 服务方式 服务对象 服务类型 补税记录 服务机时 服务名称
    服务经费来源 课题主要科学领域 本次服务是否签订协议 是否在单位内使用 对外服务地址
    非适用简易程序海关《通知书》编号 申请人 申请人电话 申请人电子邮箱 申请人单位
    用户评价及意见
"""
_CERS = """
    SchoolCode InnerID YEAR LSNUSEDHRS RSCHUSEDHRS SERUSEDHRS OPENHRS SAMPLENUM TRNSTUD
    TRNTEACH TRNOTHERS EDUPROJ RSCHPROJ SOCIALPROJ RWDNATION RWDPROV RWDTEACH RWDSTUD
    PAPERINDEX PAPERKERNEL CHARGEMAN OtherInfo
"""
_UNIVERSITY = """
    学校识别码 学校（机构）名称 设备仪器编码 设备仪器名称 设备仪器单价
    设备仪器所属部门 设备仪器地址 使用单位 使用人员 是否校内 使用开始时间
    使用结束时间 使用时长 使用费用 设备使用用途 备注
"""
NRII, CERS, UNIVERSITY = (names.split() for names in (_NRII, _CERS, _UNIVERSITY))
FOREIGN = {"nrii-columns": NRII, "cers-share-effect": CERS, "university-share": UNIVERSITY}
XS = "{http://www.w3.org/2001/XMLSchema}"


@pytest.mark.parametrize("name", FOREIGN)
def test_columns_by_name_and_order(name: str) -> None:
    form = profiles.shipped()[name]
    assert [column.name for column in form.columns] == FOREIGN[name]


def test_what_was_read_elsewhere_says_where_when_and_that_it_may_be_outdated() -> None:
    assert set(profiles.shipped()) == {*FOREIGN, "records"}
    for name in FOREIGN:
        origin = profiles.shipped()[name].document.origin
        assert origin is not None
        assert origin.sources
        assert isinstance(origin.note, str)
        assert "read from public code and may be outdated" in origin.note.lower()


def test_code_tables_and_times_of_the_national_form() -> None:
    said = {column.name: column.document for column in profiles.shipped()["nrii-columns"].columns}
    ways = ["占用共享", "技术共享", "委托共享", "远程共享", "其他"]
    assert list(said["服务方式"].codes or ()) == ways
    assert list((said["服务对象"].codes or {}).values()) == ["内部用户", "外部用户"]
    assert said["服务开始时间"].format == said["服务结束时间"].format == "YYYY/MM/DD HH"
    assert said["服务机时"].decimals == 1


def test_the_xml_form_and_its_schema_say_the_same() -> None:
    form = profiles.shipped()["cers-share-effect"]
    tree = ET.parse(profiles.folder(form) / "share-effect.xsd")
    elements = tree.findall(f".//{XS}complexType[@name='instrument']//{XS}element")
    assert [one.get("name") for one in elements] == CERS
    assert form.document.xml is not None
    around = [one.get("name") for one in tree.findall(f".//{XS}element") if one not in elements]
    xml = form.document.xml
    assert around == [xml.root, xml.group, xml.row]
    for column, one in zip(form.columns, elements, strict=True):
        said = column.document
        longest = said.length or said.longest
        if said.kind == "text":
            assert one.get("type") == f"text{longest}", column.name
        assert said.required == (one.get("minOccurs") is None), column.name


def test_documents_are_written_and_read_alike() -> None:
    for form in profiles.shipped().values():
        again = Profile.parse(json.loads(json.dumps(form.document.to_json())))
        assert again.document == form.document
        assert form.version in profiles.versions(form.name)
        assert profiles.shipped_version(form.name, form.version) == form
    assert profiles.shipped_version("records", 99) is None


def test_the_schema_is_the_documents() -> None:
    path = Path(profiles.__file__).parent / "schema.json"
    schema = json.loads(path.read_text("utf-8"))
    assert schema == ProfileDocument.json_schema(), (
        "write it anew: python -m profiles > profiles/schema.json"
    )
    validator = jsonschema_rs.validator_for(schema)
    for form in profiles.shipped().values():
        document = json.loads((profiles.folder(form) / "profile.json").read_text("utf-8"))
        validator.validate(document)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text("{")
    with pytest.raises(ProfileError, match=r"own\.json: is not JSON"):
        profiles.read_profile(path)
