"""The file of a prompt or part as it was read, and what both were when last in step."""

from dataclasses import dataclass
from typing import Self

from dakora_server.core.parts.records import PartRecord
from dakora_server.core.prompts.records import PromptRecord
from dakora_server.core.sync.disk import Stamp
from dakora_server.core.sync.names import part_folder


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A file as it was last read. Without `content_hash` it could not be read or parsed."""

    path: str
    stamp: Stamp
    sha256: str = ""
    prompt_id: str | None = None
    content_hash: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class PartHead:
    """A version of a part, under the names that those of a prompt have. Its folder follows from its name."""

    prompt_id: str
    folder: str
    number: int
    semver: str
    content_hash: str
    etag: str

    @classmethod
    def of(cls, record: PartRecord) -> Self:
        """The version in this row."""
        folder = part_folder(record.part_id)
        return cls(record.part_id, folder, record.number, record.semver, record.content_hash, record.etag)


Head = PromptRecord | PartHead
"""A version of a prompt or a part, mostly the newest."""


@dataclass(frozen=True, slots=True)
class Base:
    """One prompt when its file and its newest version were last in step.

    `sha256` is empty while the file holds something that no version says: both sides merged, or a conflict to be
    solved. `kept` is the modification time (ns) of a changed file whose prompt was archived on the server: saving the
    file again brings the prompt back.
    """

    prompt_id: str
    path: str
    sha256: str
    content_hash: str
    folder: str
    number: int
    semver: str
    version: str | None = None
    kept: int | None = None

    @classmethod
    def of(cls, file: PromptFile, head: Head, *, in_step: bool = True) -> Self:
        """The base of a prompt and its file in step, or of a file that is an edit on top of `head`."""
        return cls(
            prompt_id=head.prompt_id,
            path=file.path,
            sha256=file.sha256 if in_step else "",
            content_hash=head.content_hash,
            folder=head.folder,
            number=head.number,
            semver=head.semver,
            version=file.version,
        )
