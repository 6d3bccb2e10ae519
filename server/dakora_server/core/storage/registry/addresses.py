"""`REGISTRY_URL` read: which kind of store, where in it, and with whose credentials. Nothing here connects."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["file", "az", "s3", "gs"]
_SCHEMES: dict[str, Kind] = {"az": "az", "s3": "s3", "gs": "gs"}
# The widest of the three vendors' rules; they refuse the rest themselves.
_CONTAINER = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._=-]+")
_KINDS = "a folder, file:, az://container/prefix, s3://bucket/prefix or gs://bucket/prefix"


@dataclass(frozen=True, slots=True)
class Place:
    """A store: the folder at `path`, or what lies below `path` in a container (a bucket)."""

    kind: Kind
    container: str
    path: str

    def __str__(self) -> str:
        if self.kind == "file":
            return f"file:{self.path}"
        return f"{self.kind}://{self.container}/{self.path}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens a cloud store, as the vendors' own environment variables say it; never shown.

    What is not given here, the machine's own identity may give: a role of the instance, of the pod, of the function.
    """

    azure_connection_string: str | None = field(default=None, repr=False)
    azure_account: str | None = None
    azure_endpoint: str | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = field(default=None, repr=False)
    aws_session_token: str | None = field(default=None, repr=False)
    aws_region: str | None = None
    aws_endpoint: str | None = None
    google_credentials: Path | None = None
    google_emulator: str | None = None


def parse_place(url: str) -> Place:
    """What a registry's address means. Raises ValueError, with a sentence, when it means nothing."""
    if url.startswith("file:"):
        return _folder(url.removeprefix("file://").removeprefix("file:"))
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _folder(url)
    kind = _SCHEMES.get(scheme)
    if kind is None:
        raise ValueError(f"It must be {_KINDS}.")
    container, _, prefix = rest.partition("/")
    if not _CONTAINER.fullmatch(container):
        raise ValueError(f"After {scheme}:// comes the name of a {'container' if kind == 'az' else 'bucket'}.")
    segments = [segment for segment in prefix.split("/") if segment]
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ValueError("The prefix may have letters, digits and . _ = - between its slashes.")
    return Place(kind, container, "/".join(segments))


def _folder(path: str) -> Place:
    if not path.strip():
        raise ValueError(f"It must be {_KINDS}.")
    return Place("file", "", path)
