"""The page at `/`: where the API is, until the Studio lives there."""

import base64
import hashlib
import re
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

_FOLDER = Path(__file__).resolve().parents[1] / "studio"
_PAGE = (_FOLDER / "index.html").read_text(encoding="utf-8")
_ICON = (_FOLDER / "favicon.svg").read_bytes()


def _style_hash(page: str) -> str:
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = hashlib.sha256((style.group(1) if style else "").encode()).digest()
    return base64.b64encode(digest).decode()


_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_style_hash(_PAGE)}'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
router = APIRouter(include_in_schema=False)


@router.get("/")
async def start_page() -> HTMLResponse:
    """The start page."""
    return HTMLResponse(_PAGE, headers={"content-security-policy": _POLICY})


@router.get("/favicon.svg")
async def favicon() -> Response:
    """The sign."""
    return Response(_ICON, media_type="image/svg+xml", headers={"cache-control": "public, max-age=86400"})


@router.get("/favicon.ico")
async def favicon_ico() -> Response:
    """The same sign, where browsers look for it unasked."""
    return await favicon()
