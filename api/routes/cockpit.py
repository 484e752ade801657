"""The cockpit's files at ``/``, the API's reference at ``/docs``, the map and settings.

The page is in `cockpit/` and asks the same routes as everyone. Files need no key, since they
say nothing; signing in is in `session.py`.

The page names its files below ``cockpit/VERSION/``, a digest of them all, so that browsers may
keep them for good; modules name each other by relative paths and so stay within one version.
Without a version, or with another one, a file is asked for anew each time.
"""

import gzip
import json
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from html import escape
from pathlib import Path
from posixpath import dirname, join, normpath
from threading import Lock

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api.context import Context, Ctx
from api.encoding import matches
from api.errors import Problem, not_found

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).resolve().parents[2] / "cockpit"
MAP = FOLDER / "vendor" / "shanghai.json"
TYPES = {".js": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml"}
#: Smaller ones fit a packet or two anyway.
COMPRESS_FROM = 1_000  # bytes
#: The page takes nothing from anywhere else, and no other page may frame it. Charts are drawn
#: on canvas; styles are set by script, never written into markup.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
        " connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}
KEPT = "public, max-age=31536000, immutable"
#: What the page asks for beside its own files: each service's own, so of no version.
_UNVERSIONED = (b"cockpit/config.json", b"cockpit/map.json")
_VERSION = re.compile("[0-9a-f]{16}")
FRONT = "index.html"
PAGES = (FRONT, "docs.html")
#: All sheets that the page names, in their order.
SHEETS = "all.css"
_SHEET = re.compile(rb'<link rel="stylesheet" href="cockpit/([^"]+)">\n')
#: Not `import()`: what is read later is asked for later.
_IMPORT = re.compile(rb"^(?:import|export)\b[^;'\"(]*'(\.[^']+)'", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    compressed: bytes | None
    media_type: str
    tag: str


@lru_cache(maxsize=256)
def _asset(path: Path, _modified_ns: int) -> Asset:
    media_type = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    return _made(path.read_bytes(), media_type)


def _made(body: bytes, media_type: str) -> Asset:
    small = gzip.compress(body, 9, mtime=0) if len(body) >= COMPRESS_FROM else None
    return Asset(
        body=body,
        compressed=small if small is not None and len(small) < len(body) else None,
        media_type=media_type,
        tag=f'W/"{blake2b(body, digest_size=12).hexdigest()}"',
    )


@dataclass(frozen=True, slots=True)
class _Edition:
    """The page's files as they were found together, by their paths below the folder."""

    assets: Mapping[str, Asset]
    #: When each of them changed; what is made of several is looked for anew.
    modified_ns: Mapping[str, int]
    version: str
    #: Pages as they are sent, their addresses below the version.
    pages: Mapping[str, Asset]

    def holds(self, name: str) -> bool:
        """Whether it has the file, and as it is now."""
        if name not in self.modified_ns:
            return False
        try:
            return (FOLDER / name).stat().st_mtime_ns == self.modified_ns[name]
        except FileNotFoundError:
            return False


class _Shelf:
    """What a process knows of the files: looked at anew with each page, and where one changed.

    Looking at them all takes milliseconds, and the first time, when they are compressed, a second:
    off the event loop, and before anyone asks. A file of a page that was just sent is sent from
    here.
    """

    def __init__(self) -> None:
        self._edition: _Edition | None = None
        # Whoever comes while files are compressed waits for these, and compresses none again.
        self._looking = Lock()

    async def prepare(self) -> None:
        """Have the files ready for the first who asks."""
        await self._look()

    async def page(self, name: str) -> Asset:
        """A page, of the files as they are now."""
        return (await self._look()).pages[name]

    async def file(self, name: str) -> tuple[Asset | None, str]:
        """A file, None where there is none, and the version of which it is."""
        edition = self._edition
        if edition is None or not edition.holds(name):
            edition = await self._look()
        return edition.assets.get(name), edition.version

    async def _look(self) -> _Edition:
        self._edition = edition = await run_in_threadpool(self._found)
        return edition

    def _found(self) -> _Edition:
        with self._looking:
            return _edition(_files())


def _files() -> tuple[tuple[Path, int], ...]:
    """The page's files and when they changed."""
    found = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    return tuple((path, path.stat().st_mtime_ns) for path in found)


@lru_cache(maxsize=4)
def _edition(files: tuple[tuple[Path, int], ...]) -> _Edition:
    mark = blake2b(digest_size=8)
    assets = {}
    for path, modified_ns in files:
        name = path.relative_to(FOLDER).as_posix()
        assets[name] = asset = _asset(path, modified_ns)
        mark.update(path.name.encode() + asset.tag.encode())
    modified = dict(zip(assets, (modified_ns for _, modified_ns in files), strict=True))
    pages = {name: asset.body for name, asset in assets.items() if name in PAGES}
    sheets = [assets[found[1].decode()].body for found in _SHEET.finditer(pages[FRONT])]
    assets[SHEETS] = _made(b"\n".join(sheets), "text/css")
    pages[FRONT] = _front(pages[FRONT], assets)
    version = mark.hexdigest()
    made = {name: _made(_versioned(body, version), "text/html") for name, body in pages.items()}
    return _Edition(assets, modified, version, made)


def _front(page: bytes, assets: Mapping[str, Asset]) -> bytes:
    """The page with what it needs named at once: a sheet for all, and modules that others import.

    A browser has six connections, and finds a module's imports once it has the module.
    """
    links = iter([b'<link rel="stylesheet" href="cockpit/%s">\n' % SHEETS.encode()])
    page = _SHEET.sub(lambda _: next(links, b""), page)
    frame = _imported("app.js", assets)
    pages = {
        name[len("pages/") : -len(".js")]: [
            one for one in _imported(name, assets) if one not in frame
        ]
        for name in assets
        if name.startswith("pages/")
    }
    told = escape(json.dumps(pages, separators=(",", ":")))
    page = page.replace(
        b'name="modules" content="{}"', b'name="modules" content="%s"' % told.encode()
    )
    preload = b'<link rel="modulepreload" href="cockpit/%s">'
    return page.replace(preload % b"app.js", b"\n".join(preload % one.encode() for one in frame))


def _imported(name: str, assets: Mapping[str, Asset]) -> list[str]:
    """A module and all that it imports, and that those import, whatever it does later."""
    found = [name]
    for one in found:  # which grows meanwhile
        for at in _IMPORT.findall(assets[one].body):
            other = normpath(join(dirname(one), at.decode()))
            if other in assets and other not in found:
                found.append(other)
    return found


def _versioned(body: bytes, version: str) -> bytes:
    body = body.replace(b'"cockpit/', b'"cockpit/%s/' % version.encode())
    for own in _UNVERSIONED:
        body = body.replace(b'"cockpit/%s/%s"' % (version.encode(), own[8:]), b'"%s"' % own)
    return body


def _send(request: Request, asset: Asset, *, keep: bool = False) -> Response:
    """A file, compressed where the browser takes it, or 304 where it has it."""
    headers = {**HEADERS, "ETag": asset.tag}
    if keep:
        headers["Cache-Control"] = KEPT
    if matches(request.headers.get("if-none-match"), asset.tag):
        return Response(status_code=304, headers=headers)
    if asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.compressed, 200, headers, asset.media_type)
    return Response(asset.body, 200, headers, asset.media_type)


_shelf = _Shelf()


async def prepare() -> None:
    """Compress the page's files: half a second that the first visitor need not wait."""
    await _shelf.prepare()


@router.get("/")
async def get_page(request: Request) -> Response:
    """The page."""
    return _send(request, await _shelf.page(FRONT))


@router.get("/docs")
async def get_reference(request: Request) -> Response:
    """The API's reference, which the page makes of the OpenAPI document."""
    return _send(request, await _shelf.page("docs.html"))


@router.get("/favicon.ico")
async def get_icon(request: Request) -> Response:
    """The icon, for what a browser shows without a page to name it: a picture, an answer."""
    return await get_file(request, "icon.svg")


# Not a coroutine: what is read and compressed the first time holds nobody else up.
@router.get("/cockpit/map.json")
def get_map(request: Request, context: Ctx) -> Response:
    """The districts' boundaries; 404 where the page shall draw tiles instead."""
    path = map_file(context)
    if path is None:
        raise Problem(404, "not-found", "no map is set; the page draws tiles")
    return _send(request, _asset(path, path.stat().st_mtime_ns))


@router.get("/cockpit/config.json")
async def get_config(context: Ctx) -> Response:
    """What the page must know before anyone signs in."""
    settings = context.settings
    return Response(
        json.dumps(
            {
                "map": map_file(context) is not None,
                "map_datum": settings.map_datum,
                "map_note": settings.map_note,
                "timezone": settings.timezone,
                "coverage_threshold": settings.coverage_threshold,
                "demo": settings.demo_sign_in,
                # Whether it answers for cities: the page offers what such a service has alone.
                "follower": settings.follower,
                # What the sign-in page calls the provider; null where it offers none.
                "oidc": settings.oidc_name if settings.oidc_client_id else None,
            }
        ),
        headers=HEADERS,
        media_type="application/json",
    )


@router.get("/cockpit/{path:path}")
async def get_file(request: Request, path: str) -> Response:
    """One of the page's files, with or without the version before it."""
    version, _, rest = path.partition("/")
    versioned = bool(rest) and _VERSION.fullmatch(version) is not None
    asset, current = await _shelf.file(rest if versioned else path)
    if asset is None:
        raise not_found("file", path)
    return _send(request, asset, keep=versioned and version == current)


def map_file(context: Context) -> Path | None:
    """The file of the map; None where there is none."""
    path = context.settings.map_file or MAP
    return path if path.is_file() else None
