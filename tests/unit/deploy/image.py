"""The Dockerfile read as Docker reads it, and its steps replayed in a folder.

Understood is what the shipped file uses, and nothing else: whatever is not, fails.
"""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class Step:
    word: str
    rest: str


def steps() -> list[Step]:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    return [Step(word=line.split()[0], rest=line.split(maxsplit=1)[1]) for line in lines]


def patterns() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def taken(path: str) -> bool:
    """Whether a file of the repository reaches the builder: the last pattern that fits decides."""
    answer = True
    parts = PurePosixPath(path).parts
    for pattern in patterns():
        wanted = pattern.startswith("!")
        words = pattern.lstrip("!").split("/")
        anywhere = words[0] == "**"
        words = words[1:] if anywhere else words
        for start in range(len(parts) if anywhere else 1):
            here = parts[start : start + len(words)]
            if len(here) == len(words) and all(map(fnmatch.fnmatchcase, here, words)):
                answer = wanted
    return answer


def context() -> list[str]:
    """All files of the repository that reach the builder."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in {".git", ".venv", "node_modules"}]
        inside = Path(folder).relative_to(ROOT)
        found += [str(inside / name) for name in files if taken(str(inside / name))]
    return found


class Replay:
    """The steps in folders of ours: each stage's ``/opt/jishi`` is ``folder/opt/jishi``.

    The base image's Python is the one that runs us; its user is made by nobody here.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "opt/jishi"
        self.environment: dict[str, str] = {}
        self.user = "root"
        self.entrypoint: list[str] = []

    def run(self) -> None:
        tools = self.home.parents[1] / "tools"
        tools.mkdir(parents=True)
        for name in ("python", "python3"):
            (tools / name).symlink_to(sys.executable)
        for step in steps():
            getattr(self, f"_{step.word.lower()}")(step.rest, tools)

    def _from(self, rest: str, tools: Path) -> None:
        assert re.fullmatch(r"python:3\.1\d-slim-\w+( AS \w+)?", rest)

    def _workdir(self, rest: str, tools: Path) -> None:
        assert rest == "/opt/jishi"
        self.home.mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str, tools: Path) -> None:
        if rest.startswith("--from="):
            assert rest.split()[1:] == ["--chown=root:root", "/opt/jishi", "/opt/jishi"]
            return
        *sources, target = rest.split()
        for name in context():
            for source in sources:
                if source == ".":
                    inside = name
                elif name == source:
                    inside = str(Path(target) / Path(name).name)
                else:
                    continue
                place = self.home / inside
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, place)

    def _run(self, rest: str, tools: Path) -> None:
        if rest.startswith("useradd"):
            return
        home = str(self.home.parents[1])
        environment = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": home}
        done = subprocess.run(
            ["sh", "-c", rest],
            cwd=self.home,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{rest}:\n{done.stdout}{done.stderr}"

    def _env(self, rest: str, tools: Path) -> None:
        for word in shlex.split(rest):
            name, value = word.split("=", 1)
            value = value.replace("/opt/jishi", str(self.home))
            self.environment[name] = value.replace("$PATH", "/usr/bin:/bin")

    def _user(self, rest: str, tools: Path) -> None:
        self.user = rest

    def _expose(self, rest: str, tools: Path) -> None:
        assert all(map(str.isdigit, rest.split()))

    def _entrypoint(self, rest: str, tools: Path) -> None:
        assert rest.startswith("[")
        self.entrypoint = [word.strip('[]" ') for word in rest.split(",")]

    def _cmd(self, rest: str, tools: Path) -> None:
        assert rest == '["--help"]'
