"""The compose file's nginx: its own three files beside the shipped configuration, read by nginx."""

import os
import shutil
import subprocess
from pathlib import Path

from stack.certificates import Authority
from tests.lacking import Part, lacking
from tests.unpacked import Unavailable, find

SHIPPED = Path(__file__).parents[3] / "deploy/nginx"


def test_nginx_takes_what_the_container_gets(tmp_path: Path) -> None:
    try:
        nginx = find(["nginx"], package="nginx", program="usr/sbin/nginx")
    except Unavailable as reason:
        lacking(Part.NGINX, str(reason))
    authority = Authority(tmp_path / "certs")
    authority.create()
    authority.issue_server(["localhost"])
    for name in ("nginx.conf", "jishi.conf"):
        shutil.copyfile(SHIPPED / name, tmp_path / name)
    (tmp_path / "jishi").mkdir()
    assert {path.name for path in (SHIPPED / "compose").iterdir()} == {
        path.name for path in (SHIPPED / "jishi").iterdir()
    }
    for path in (SHIPPED / "compose").iterdir():
        text = path.read_text("utf-8")
        for there, here in {
            "listen 80;": "listen 127.0.0.1:18080;",
            "listen 443 ": "listen 127.0.0.1:18443 ",
            "/certs/": f"{tmp_path}/certs/",
            "server api:8080": "server 127.0.0.1:8080",  # a name of the containers' network
        }.items():
            text = text.replace(there, here)
        (tmp_path / "jishi" / path.name).write_text(text)
    done = subprocess.run(
        [nginx.program, "-t", "-p", tmp_path, "-c", "nginx.conf", "-e", "stderr"],
        env={**os.environ, **nginx.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or "bind() to" in done.stderr, done.stderr
    assert "syntax is ok" in done.stderr
