"""Forty questions as people ask them, and what must come first."""

import re
from pathlib import Path

import pytest

from models.search import Index, Named, Synonyms, fold, initials

SEED = Path(__file__).parents[3] / "migrations/incremental/0025_create_search_synonym.sql"


def shipped() -> list[Synonyms]:
    """The synonyms that the migration seeds."""
    rows = re.findall(r"^    \('\{(.+?)\}', '\{(.*?)\}'\)", SEED.read_text(), re.M)
    return [
        Synonyms(tuple(words.split(",")), tuple(codes.split(",")) if codes else ())
        for words, codes in rows
    ]


def english() -> dict[str, str]:
    return dict(re.findall(r"^    \('(\d{6})', '(.+?)'\)", SEED.read_text(), re.M))


#: id, name, model, institution, class, Chinese names of the class and the major one.
ROWS = (
    ("sem-1", "场发射扫描电子显微镜", "SU8010", "tongji", "010100", "电子光学仪器", "分析仪器"),
    ("sem-2", "钨灯丝扫描电镜", "EVO 18", "fudan", "010100", "电子光学仪器", "分析仪器"),
    ("tem-1", "透射电子显微镜", "JEM-2100", "fudan", "010100", "电子光学仪器", "分析仪器"),
    ("fib-1", "双束聚焦离子束系统", "Helios", "micro", "010100", "电子光学仪器", "分析仪器"),
    ("cryo-1", "冷冻电子显微镜", "Krios", "protein", "010100", "电子光学仪器", "分析仪器"),
    ("ms-1", "三重四极杆液质联用仪", "6470", "tongji", "010200", "质谱仪器", "分析仪器"),
    ("ms-2", "气质联用仪", "GCMS-QP2020", "env", "010200", "质谱仪器", "分析仪器"),
    ("ms-3", "电感耦合等离子体质谱仪", "7900", "env", "010200", "质谱仪器", "分析仪器"),
    ("xrd-1", "X射线衍射仪", "D8 ADVANCE", "tongji", "010300", "X射线仪器", "分析仪器"),
    ("xps-1", "X射线光电子能谱仪", "K-Alpha", "fudan", "010300", "X射线仪器", "分析仪器"),
    ("ir-1", "傅里叶红外光谱仪", "Nicolet iS50", "fudan", "010400", "光谱仪器", "分析仪器"),
    ("raman-1", "显微拉曼光谱仪", "LabRAM", "micro", "010400", "光谱仪器", "分析仪器"),
    ("uv-1", "紫外可见分光光度计", "UV-2600", "env", "010400", "光谱仪器", "分析仪器"),
    ("lc-1", "高效液相色谱仪", "1260", "protein", "010500", "色谱仪器", "分析仪器"),
    ("gc-1", "气相色谱仪", "8890", "env", "010500", "色谱仪器", "分析仪器"),
    ("nmr-1", "600兆核磁共振波谱仪", "AVANCE NEO", "fudan", "010600", "波谱仪器", "分析仪器"),
    ("epr-1", "电子顺磁共振波谱仪", "EMXplus", "tongji", "010600", "波谱仪器", "分析仪器"),
    ("clsm-1", "激光共聚焦显微镜", "LSM 980", "protein", "010800", "显微镜及图象分析", "分析仪器"),
    ("afm-1", "原子力显微镜", "Dimension", "micro", "010800", "显微镜及图象分析仪器", "分析仪器"),
    ("tga-1", "热重分析仪", "TG 209", "tongji", "010900", "热分析仪器", "分析仪器"),
    ("flow-1", "流式细胞仪", "FACSAria", "protein", "011000", "生化分离分析仪器", "分析仪器"),
    ("seq-1", "高通量测序仪", "NovaSeq", "protein", "011000", "生化分离分析仪器", "分析仪器"),
    ("utm-1", "万能材料试验机", "5982", "tongji", "020100", "力学性能测试仪器", "物理性能测试仪器"),
    ("cmm-1", "三坐标测量机", "PRISMO", "micro", "030100", "长度计量仪器", "计量仪器"),
    ("scope-1", "数字示波器", "DPO70000", "micro", "040100", "通用电子测量仪器", "电子测量仪器"),
    ("vna-1", "矢量网络分析仪", "N5247", "micro", "040400", "网络分析仪器", "电子测量仪器"),
    ("mri-1", "3T磁共振成像系统", "Prisma", "fudan", "090200", "影像诊断仪器", "医学诊断仪器"),
    ("litho-1", "双面光刻机", "MA6", "micro", "120300", "电子工艺实验设备", "工艺实验设备"),
    ("hpc-1", "高性能计算集群", None, "fudan", "130200", "服务器", "计算机及其配套设备"),
    ("laser-1", "飞秒激光器", "Astrella", "micro", "140100", "激光器", "激光器"),
)  # fmt: skip
HOUSES = {
    "tongji": ("同济材料测试中心", "Tongji Materials Testing Centre"),
    "fudan": ("复旦分析测试中心", "Fudan Analysis Centre"),
    "micro": ("微系统研究所", "Institute of Microsystems"),
    "protein": ("蛋白质表征公共服务平台", "Protein Characterization Platform"),
    "env": ("环境监测研究院", "Environmental Monitoring Institute"),
}


@pytest.fixture(scope="module")
def index() -> Index:
    names_en = english()
    return Index(
        [
            Named(
                key=number,
                instrument_id=id_,
                name=name,
                model=model,
                manufacturer=None,
                institution_id=house,
                institution_names=HOUSES[house],
                gateway_id=f"gw-{house}",
                class_code=code,
                class_names=[
                    middle,
                    names_en[code],
                    major,
                    names_en[f"{code[:2]}0000"],
                ],
            )
            for number, (id_, name, model, house, code, middle, major) in enumerate(ROWS)
        ],
        shipped(),
    )


def best(index: Index, question: str, most: int | None = 3) -> list[str]:
    """As the API orders them: by fit, then by id."""
    found = sorted(index.find(question), key=lambda one: (-one.score, ROWS[one.key][0]))
    return [ROWS[one.key][0] for one in found][:most]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("扫描电镜", ["sem-2", "sem-1"]),
        ("扫描电子显微镜", ["sem-1", "sem-2"]),
        ("扫描 电子", ["sem-1", "sem-2"]),
        ("SEM", ["sem-1", "sem-2"]),
        ("sem", ["sem-1", "sem-2"]),
        ("scanning electron microscope", ["sem-1", "sem-2"]),
        ("electron microscope", ["cryo-1", "sem-1", "tem-1"]),
        ("电镜", ["sem-2", "cryo-1", "sem-1"]),
        ("透射", ["tem-1"]),
        ("TEM", ["tem-1"]),
        ("FIB", ["fib-1"]),
        ("双束电镜", ["fib-1"]),
        ("cryo-EM", ["cryo-1"]),
        ("质谱", ["ms-3", "ms-1", "ms-2"]),
        ("MS", ["ms-1", "ms-2", "ms-3"]),
        ("mass spectrometer", ["ms-1", "ms-2", "ms-3"]),
        ("LC-MS", ["ms-1"]),
        ("gcms", ["ms-2"]),
        ("ICP-MS", ["ms-3"]),
        ("XRD", ["xrd-1"]),
        ("x射线 衍射", ["xrd-1"]),
        ("XPS", ["xps-1"]),
        ("FTIR", ["ir-1"]),
        ("拉曼", ["raman-1"]),
        ("Raman", ["raman-1"]),
        ("HPLC", ["lc-1"]),
        ("gas chromatograph", ["gc-1"]),
        ("核磁", ["nmr-1", "epr-1"]),
        ("NMR", ["nmr-1", "epr-1"]),
        ("EPR", ["epr-1"]),
        ("共聚焦", ["clsm-1"]),
        ("显微镜 微系统", ["afm-1"]),
        ("流式", ["flow-1"]),
        ("sequencing", ["seq-1"]),
        ("tensile tester", ["utm-1"]),
        ("三坐标", ["cmm-1"]),
        ("MRI fudan", ["mri-1"]),
        ("光刻 lithography", ["litho-1"]),
        ("复旦 电镜", ["sem-2", "tem-1"]),
        ("smdj", ["sem-1", "sem-2"]),
        ("SU8010", ["sem-1"]),
        ("tem-1", ["tem-1"]),
        ("ＳＥＭ", ["sem-1", "sem-2"]),
        ("激光器", ["laser-1"]),
        ("gw-env 气相", ["gc-1", "ms-2"]),
    ],
)  # fmt: skip
def test_what_people_ask_finds_what_they_mean(
    index: Index, question: str, first: list[str]
) -> None:
    assert best(index, question)[: len(first)] == first


@pytest.mark.parametrize("question", ["天文望远镜", "SEM 核磁", "no such thing", "s"])
def test_every_word_must_fit(index: Index, question: str) -> None:
    found = best(index, question, None)
    if question == "s":
        assert "sem-1" in found  # a part of an id
    else:
        assert found == []


def test_short_words_of_latin_letters_are_no_parts_of_others(index: Index) -> None:
    assert best(index, "MS", None) == ["ms-1", "ms-2", "ms-3"]


def test_without_words_all_are_meant(index: Index) -> None:
    assert len(index.find("  ")) == len(ROWS)
    assert Index([], shipped()).find("x") == []


def test_wider_letters_and_capitals_are_the_same() -> None:
    assert fold("ＳＥＭ－1") == "sem-1"
    assert initials("扫描电镜\nXRD\n质谱") == "smdj\n\nzp"
