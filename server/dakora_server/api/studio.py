"""The Studio: one page at every address that is none of the API's, and the files that it loads.

The page is made by `make studio` (Vite). Without it a start page says where the API is. Each page carries a nonce of
its own, because the editor and the dialogs add style sheets while they run; scripts come from this address only, and
from Clerk's where people sign in with Clerk.
"""

import base64
import gzip
import hashlib
import mimetypes
import re
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, Response

from dakora_server.api.problems import problems
from dakora_server.api.sign_in import Page, SignIn, as_attribute
from dakora_server.core.exceptions import NotFound

_FOLDER = Path(__file__).resolve().parents[1] / "studio"
_START_PAGE = (_FOLDER / "start.html").read_text(encoding="utf-8")
_ICON = (_FOLDER / "favicon.svg").read_bytes()
_BUILT = _FOLDER / "dist"
_NONCE, _LOGIN = "__DAKORA_NONCE__", "__DAKORA_LOGIN__"
_COMPRESSED = frozenset({".js", ".css", ".svg"})
# No name of a file of ours begins with a dot or holds a slash.
_NAME = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$"
# Vite puts a hash of the content into each name.
_FOR_EVER = "public, max-age=31536000, immutable"
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("text/javascript", ".js")


def _style_hash(page: str) -> str:
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = hashlib.sha256((style.group(1) if style else "").encode()).digest()
    return base64.b64encode(digest).decode()


_START_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_style_hash(_START_PAGE)}'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
router = APIRouter(include_in_schema=False)


def _policy(nonce: str, page: Page) -> str:
    scripts, connections = (" ".join(("'self'", *hosts)) for hosts in (page.script_hosts, page.connect_hosts))
    return (
        f"default-src 'none'; script-src {scripts}; connect-src {connections}; img-src 'self' data:; font-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _built_page() -> str | None:
    """The Studio's page as Vite made it, or None where it was not built. Read each time: it may be built anew."""
    try:
        return (_BUILT / "index.html").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


@lru_cache(maxsize=256)
def _asset(name: str, *, compressed: bool) -> bytes:
    content = (_BUILT / "assets" / name).read_bytes()
    return gzip.compress(content, 9, mtime=0) if compressed else content


@router.get("/")
@router.get("/p/{rest:path}")
@router.get("/w/{rest:path}")
@router.get("/invite")
@router.get("/login")
async def studio_page(request: Request) -> HTMLResponse:
    """The Studio; what the rest of the address means, it finds out itself."""
    page = _built_page()
    if page is None:
        return HTMLResponse(_START_PAGE, headers={"content-security-policy": _START_POLICY})
    sign_in: SignIn = request.app.state.sign_in
    way, nonce = await sign_in.page(), secrets.token_urlsafe(16)
    headers = {"content-security-policy": _policy(nonce, way), "cache-control": "no-store"}
    told = page.replace(_NONCE, nonce).replace(_LOGIN, as_attribute(way.told))
    return HTMLResponse(told.replace("</head>", f"{way.script}</head>", 1), headers=headers)


@router.get("/assets/{name}", responses=problems(NotFound))
def studio_asset(name: Annotated[str, PathParameter(pattern=_NAME, max_length=200)], request: Request) -> Response:
    """A script, style sheet or font of the Studio."""
    suffix = Path(name).suffix
    headers = {"cache-control": _FOR_EVER, "vary": "accept-encoding"}
    compressed = suffix in _COMPRESSED and "gzip" in request.headers.get("accept-encoding", "")
    if compressed:
        headers["content-encoding"] = "gzip"
    media_type = mimetypes.types_map.get(suffix, "application/octet-stream")
    try:
        content = _asset(name, compressed=compressed)
    except FileNotFoundError:
        raise NotFound from None
    return Response(content, media_type=media_type, headers=headers)


@router.get("/favicon.svg")
async def favicon() -> Response:
    """The sign."""
    return Response(_ICON, media_type="image/svg+xml", headers={"cache-control": "public, max-age=86400"})


@router.get("/favicon.ico")
async def favicon_ico() -> Response:
    """The same sign, where browsers look for it unasked."""
    return await favicon()
