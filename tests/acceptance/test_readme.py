"""The README's example, run as it stands there."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_heartbeat_by_hand_gives_the_readme_s_answer(tmp_path: Path) -> None:
    script = next(block for block in blocks("sh") if "mosquitto_pub" in block)
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
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    shown = json.loads(blocks("json")[0].replace("…,", "0,"))
    assert list(answer) == list(shown)
    for name in ("instrument_id", "connectivity", "activity", "cause", "power_w", "flags"):
        assert answer[name] == shown[name], name
