import pytest

from store.registry.keys import digest, key_id_of


@pytest.mark.parametrize(
    ("key", "key_id"),
    [
        pytest.param("jishi_a1b2_secret_with-signs", "a1b2", id="ours"),
        pytest.param("jishi_a1b2", None, id="no secret"),
        pytest.param("other_a1b2_secret", None, id="another prefix"),
        pytest.param("jishi__secret", None, id="no id"),
        pytest.param("jishi_a'b_secret", None, id="strange id"),
        pytest.param("jishi_电_secret", None, id="not ASCII"),
        pytest.param("jishi_a1b2_" + "x" * 300, None, id="too long"),
        pytest.param("", None, id="empty"),
    ],
)
def test_the_id_in_a_key(key: str, key_id: str | None) -> None:
    assert key_id_of(key) == key_id


def test_any_text_has_a_digest() -> None:
    assert len(digest("\ud800")) == 32
