import pytest

from tests.lacking import Part, lacking, summary


def test_a_missing_part_is_counted_and_what_brings_it_is_said() -> None:
    reasons = ["Skipped: only because"]
    for part, detail in ((Part.CHROMIUM, ""), (Part.CHROMIUM, "no apt-get"), (Part.NGINX, "")):
        with pytest.raises(pytest.skip.Exception) as skipped:
            lacking(part, detail)
        reasons.append(f"Skipped: {skipped.value.msg}")
    assert summary(reasons) == [
        f"2 not run for want of chromium: {Part.CHROMIUM.value}",
        f"1 not run for want of nginx: {Part.NGINX.value}",
    ]


def test_nothing_is_said_where_nothing_is_missing() -> None:
    assert summary(["Skipped: JISHI_FUZZ_FOR says for how many seconds"]) == []


def test_a_run_ends_by_saying_so(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.conftest import pytest_terminal_summary")
    pytester.makepyfile(
        "from tests.lacking import Part, lacking\ndef test_page():\n    lacking(Part.CHROMIUM)\n"
    )
    run = pytester.runpytest_subprocess()
    said = "1 not run for want of chromium: apt-get install"
    assert any(line.startswith(said) for line in run.outlines[-5:])
