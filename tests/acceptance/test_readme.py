"""The README's example, run as it stands there: its questions and the answers that it shows."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

VARIES = "varies"
ROOT = Path(__file__).resolve().parents[2]


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def agrees(answer: Any, shown: Any) -> None:
    """Whether an answer is as it is shown, field by field, but for what varies."""
    if isinstance(shown, dict):
        assert list(answer) == list(shown)
        for name, value in shown.items():
            agrees(answer[name], value)
    elif shown == "…":
        assert isinstance(answer, str)
        assert answer
    elif shown == VARIES:
        assert answer is None or isinstance(answer, int | float)
    else:
        assert answer == shown


def test_heartbeat_by_hand_gives_the_readme_s_answers(tmp_path: Path) -> None:
    first = next(n for n, block in enumerate(blocks("sh")) if "mosquitto_pub" in block)
    script = "echo\n".join(blocks("sh")[first : first + 2])
    # The script says ./jishi; the tests may run from another environment.
    command = tmp_path / "jishi"
    command.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec {sys.executable} -m cli "$@"\n')
    command.chmod(0o755)
    script = script.replace("ready.json", str(tmp_path / "ready.json"))
    done = subprocess.run(
        ["bash", "-c", f"trap 'kill %1; wait' EXIT\nset -e\n{script}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, 143), done.stderr
    answers = [json.loads(line) for line in done.stdout.strip().splitlines()[-2:]]
    for answer, shown in zip(answers, blocks("json")[:2], strict=True):
        agrees(answer, json.loads(re.sub(r"(?<!\")…", f'"{VARIES}"', shown)))
    total = answers[1]["total"]
    # The window holds the heartbeat, so it answers with more than unknown.
    assert total["running_s"] >= 1
    assert total["running_s"] + total["unknown_s"] == total["window_s"]
