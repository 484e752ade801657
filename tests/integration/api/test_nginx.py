"""The proxy's configuration as it is shipped, run by nginx before a real api.

Files are copied to the byte; only those of `jishi/` are other, as they are for every site.
"""

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.session import SECURE_COOKIE
from api.settings import Settings
from stack.certificates import Authority
from tests.integration.api.serving import serving
from tests.lacking import Part, lacking
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.unpacked import Program, Unavailable, find

SHIPPED = Path(__file__).parents[3] / "deploy" / "nginx"
HEAD_TIMEOUT_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A running nginx."""

    http: int
    https: int
    tls: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://localhost:{self.https}"

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, verify=self.tls, timeout=PATIENCE, **options)

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.https), timeout=PATIENCE)
        return self.tls.wrap_socket(plain, server_hostname="localhost")


@pytest.fixture(scope="module")
def nginx() -> Program:
    try:
        return find(["nginx"], package="nginx", program="usr/sbin/nginx")
    except Unavailable as reason:
        lacking(Part.NGINX, str(reason))


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


Front = Callable[[str], Proxy]


@pytest.fixture(scope="module")
def front(nginx: Program) -> Iterator[Front]:
    """Starts a proxy before the api at an address."""
    with ExitStack() as stack:

        def start(upstream: str) -> Proxy:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jishi-nginx-")))
            for name in ("nginx.conf", "jishi.conf"):
                shutil.copyfile(SHIPPED / name, folder / name)
            authority = Authority(folder / "certs")
            authority.create()
            server = authority.issue_server(["localhost", "127.0.0.1"])
            http, https = free_port(), free_port()
            site = {
                "upstream": f"server {upstream.removeprefix('http://')};",
                "http": f"listen 127.0.0.1:{http}; server_name localhost;",
                "https": f"listen 127.0.0.1:{https} ssl http2; server_name localhost;"
                f"ssl_certificate {server.certificate}; ssl_certificate_key {server.key};"
                f"client_header_timeout {HEAD_TIMEOUT_S}s;",
            }
            # Whatever a site must say, and nothing else.
            assert {path.stem for path in (SHIPPED / "jishi").iterdir()} == site.keys()
            (folder / "jishi").mkdir()
            for name, text in site.items():
                (folder / "jishi" / f"{name}.conf").write_text(text, "utf-8")
            command = [str(nginx.program), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
            if os.geteuid() == 0:
                command += ["-g", "user root;"]  # another account may not enter the folder
            log = folder / "nginx.log"
            with log.open("wb") as output:
                process = subprocess.Popen(
                    command, env={**os.environ, **nginx.environment}, stdout=output, stderr=output
                )
            stack.callback(process.wait, PATIENCE)
            stack.callback(process.terminate)
            deadline = time.monotonic() + PATIENCE
            while not (answers(http) and answers(https)):
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < deadline, log.read_text("utf-8")
                time.sleep(0.05)
            tls = ssl.create_default_context(cafile=str(authority.certificate))
            return Proxy(http=http, https=https, tls=tls)

        yield start


@pytest.fixture(scope="module")
def proxy(front: Front, api_database: str) -> Iterator[Proxy]:
    with serving(create_app(Settings(database_url=api_database, pool_max_size=4))) as address:
        yield front(address)


@pytest.fixture
def page(proxy: Proxy, keys: dict[str, str]) -> Iterator[httpx.Client]:
    """A browser that signed in through it."""
    with proxy.client(headers={"Origin": proxy.url}) as client:
        answer = client.post("/v1/session", json={"key": keys["admin"]})
        assert answer.status_code == 201, answer.text
        yield client


def test_plain_http_is_told_to_come_over_tls(proxy: Proxy, keys: dict[str, str]) -> None:
    address = f"http://localhost:{proxy.http}/v1/districts?limit=1"
    answer = httpx.get(address)
    assert answer.status_code == 308
    assert answer.headers["location"] == "https://localhost/v1/districts?limit=1"
    # A key in the clear does not go unnoticed.
    key = {"Authorization": f"Bearer {keys['read']}"}
    assert httpx.get(address, headers=key).status_code == 403


def test_a_browser_signs_in_with_a_secure_cookie(page: httpx.Client, proxy: Proxy) -> None:
    (cookie,) = page.cookies.jar
    assert cookie.name == SECURE_COOKIE
    assert cookie.secure
    assert cookie.path == "/"
    assert page.get("/v1/keys").status_code == 200
    # What changes something passes too: host and origin are the same on both sides.
    made = page.post("/v1/keys", json={"scopes": ["read"]})
    assert made.status_code == 201
    evil = {"Origin": "https://evil.test"}
    assert page.delete(f"/v1/keys/{made.json()['id']}", headers=evil).status_code == 401
    assert page.delete(f"/v1/keys/{made.json()['id']}").status_code == 204
    assert page.delete("/v1/session").status_code == 204
    assert page.get("/v1/session").json() is None


def test_answers_are_marked_and_small(page: httpx.Client) -> None:
    answer = page.get("/v1/openapi.json")
    assert answer.headers["content-encoding"] == "gzip"
    assert "max-age=" in answer.headers["strict-transport-security"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    # The server's version is nobody's business.
    assert answer.headers["server"] == "nginx"


def test_nobody_says_where_it_came_from_but_the_proxy(proxy: Proxy, keys: dict[str, str]) -> None:
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "Forwarded": "for=x"}
    with proxy.client(headers={"Origin": proxy.url, **lies}) as client:
        assert client.post("/v1/session", json={"key": keys["admin"]}).status_code == 201
        (mine,) = (one for one in client.get("/v1/sign-ins").json()["items"] if one["current"])
        assert mine["address"] == "127.0.0.1"
        # Through a proxy loopback is no proof of sitting here.
        assert client.get("/metrics").status_code == 401


def test_the_stream_flows_through(
    page: httpx.Client, admin: httpx.Client, place: dict[str, str], fresh: str
) -> None:
    """Each event as it comes, though the answer never ends."""
    with page.stream("GET", "/v1/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert any(line == "event: snapshot" for line in lines)
        made = admin.put(f"/v1/instruments/{fresh}-flow", json={"name": "流", **place})
        assert made.status_code == 201
        assert any(f"{fresh}-flow" in line for line in lines)


def test_heads_that_never_end_are_closed(proxy: Proxy, page: httpx.Client) -> None:
    with ExitStack() as stack:
        socks = [stack.enter_context(proxy.connect()) for _ in range(50)]
        for sock in socks:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        assert page.get("/healthz").status_code == 200
        for sock in socks:
            with suppress(ConnectionError, ssl.SSLError):  # cut off is closed too
                while sock.recv(4_096):
                    pass


def test_only_todays_tls(proxy: Proxy) -> None:
    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", proxy.https), timeout=PATIENCE) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        old.wrap_socket(plain, server_hostname="localhost")
    with proxy.connect() as sock:
        assert sock.version() == "TLSv1.3"


def problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert {"type", "title", "detail", "instance", "errors"} <= answer.json().keys()
    assert "max-age=" in answer.headers["strict-transport-security"]


def test_what_the_proxy_says_itself_reads_like_the_api(page: httpx.Client, front: Front) -> None:
    large = b"x" * (2 << 20)
    problem(page.post("/v1/keys", content=large), 413)
    csv = {"Content-Type": "text/csv"}
    # The import takes more.
    taken = page.post("/v1/registry/import", content=b"institution_id,name\n" * 2, headers=csv)
    assert taken.status_code == 200
    taken = page.post("/v1/registry/import", content=large, headers=csv)
    assert taken.status_code != 413, taken.text
    alone = front(f"http://127.0.0.1:{free_port()}")
    with alone.client() as client:
        problem(client.get("/v1/districts"), 503)


def test_it_fits_into_debians_own(nginx: Program, tmp_path: Path) -> None:
    """`jishi.conf` within another ``http``, which says something of the same matters itself."""
    shutil.copyfile(SHIPPED / "jishi.conf", tmp_path / "jishi.conf")
    shutil.copytree(SHIPPED / "jishi", tmp_path / "jishi")
    authority = Authority(tmp_path / "certs")
    authority.create()
    server = authority.issue_server(["localhost"])
    https = tmp_path / "jishi" / "https.conf"
    text = https.read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("ssl_certificate_key"):
            text = text.replace(line, f"ssl_certificate_key {server.key};")
        elif line.startswith("ssl_certificate"):
            text = text.replace(line, f"ssl_certificate {server.certificate};")
    https.write_text(text.replace("443", str(free_port())), "utf-8")
    http = tmp_path / "jishi" / "http.conf"
    http.write_text(http.read_text("utf-8").replace("80;", f"{free_port()};"), "utf-8")
    (tmp_path / "nginx.conf").write_text(
        "pid nginx.pid; events {} http { gzip on; sendfile on; tcp_nopush on;"
        " ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on; access_log off;"
        " client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d;"
        " scgi_temp_path e; include jishi.conf; }",
        "utf-8",
    )
    done = subprocess.run(
        [nginx.program, "-t", "-p", tmp_path, "-c", "nginx.conf", "-e", "stderr"],
        env={**os.environ, **nginx.environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
