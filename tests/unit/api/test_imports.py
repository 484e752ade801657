import pytest

from api.errors import Problem
from api.routes.imports import decoded, guess_kind
from models.registry_csv import RecordKind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("institution_id,name\n", RecordKind.INSTITUTION, id="institutions"),
        pytest.param("\ngateway_id,institution_id\n", RecordKind.GATEWAY, id="gateways"),
        pytest.param(
            "name, instrument_id ,gateway_id,institution_id",
            RecordKind.INSTRUMENT,
            id="instruments",
        ),
    ],
)
def test_the_header_says_what_a_file_lists(text: str, kind: RecordKind) -> None:
    assert guess_kind(text) is kind


@pytest.mark.parametrize("text", ["", "name,lon\n", '"unclosed'])
def test_a_header_that_says_nothing(text: str) -> None:
    with pytest.raises(Problem) as caught:
        guess_kind(text)
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param("名".encode(), "text/csv", id="UTF-8"),
        pytest.param("\ufeff名".encode(), "text/csv; charset=UTF-8", id="byte order mark"),
        pytest.param("名".encode("gbk"), 'text/csv; charset="GBK"', id="GBK"),
        pytest.param("名".encode(), "", id="no content type"),
    ],
)
def test_text_is_decoded(body: bytes, content_type: str) -> None:
    assert decoded(body, content_type) == "名"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param("名".encode("gbk"), "text/csv", 422, id="not UTF-8"),
        pytest.param(b"{}", "application/json", 415, id="JSON"),
        pytest.param(b"", "text/csv; charset=utf-7", 415, id="strange charset"),
    ],
)
def test_what_is_no_csv(body: bytes, content_type: str, status: int) -> None:
    with pytest.raises(Problem) as caught:
        decoded(body, content_type)
    assert caught.value.status == status
