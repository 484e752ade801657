import pytest

from models.sparkplug.topic import Address, NodeId, Verb, parse_topic

NODE = NodeId("plant", "n1")


@pytest.mark.parametrize(
    ("topic", "address"),
    [
        ("spBv1.0/plant/NBIRTH/n1", Address(NODE, Verb.NBIRTH)),
        ("spBv1.0/plant/NDATA/n1", Address(NODE, Verb.NDATA)),
        ("spBv1.0/plant/NDEATH/n1", Address(NODE, Verb.NDEATH)),
        ("spBv1.0/plant/DBIRTH/n1/plug 7", Address(NODE, Verb.DBIRTH, "plug 7")),
        ("spBv1.0/plant/DDATA/n1/d", Address(NODE, Verb.DDATA, "d")),
        ("spBv1.0/plant/DDEATH/n1/d", Address(NODE, Verb.DDEATH, "d")),
        ("spBv1.0/plant/NCMD/n1", None),
        ("spBv1.0/plant/DCMD/n1/d", None),
        ("spBv1.0/STATE/host", None),
        ("spBv1.0/plant/NDATA/n1/d", None),
        ("spBv1.0/plant/DDATA/n1", None),
        ("spBv1.0/plant/DDATA/n1/", None),
        ("spAv1.0/plant/NDATA/n1", None),
        ("", None),
    ],
)
def test_topics(topic: str, address: Address | None) -> None:
    assert parse_topic(topic) == address
