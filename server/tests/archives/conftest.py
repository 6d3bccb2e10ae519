"""Archives as people send them, and a project that takes them."""

import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import pytest


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """A zip with these files."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as packing:
        for path, text in files.items():
            packing.writestr(path, text)
    return body.getvalue()


def unpacked(body: bytes) -> dict[str, str]:
    """What a zip holds, in its order."""
    with zipfile.ZipFile(io.BytesIO(body)) as unpacking:
        return {name: unpacking.read(name).decode() for name in unpacking.namelist()}


@pytest.fixture
def bring(project) -> Callable[..., Any]:
    """Import files, or an archive, into a project: the answer."""

    async def bring_in(files, *, into=None, **wanted):
        place = into or project
        body = files if isinstance(files, bytes) else packed(files)
        params = {name: str(value).lower() if isinstance(value, bool) else value for name, value in wanted.items()}
        return await place.client.post(
            f"/api/projects/{place.id}/import",
            params=params,
            content=body,
            headers={"content-type": "application/zip"},
        )

    return bring_in


@pytest.fixture
def take(project) -> Callable[..., Any]:
    """The archive of a project, as bytes."""

    async def take_out(*, of=None, history=False):
        place = of or project
        answer = await place.client.get(f"/api/projects/{place.id}/export", params={"history": str(history).lower()})
        assert answer.status_code == 200, answer.text
        return answer.content

    return take_out
