"""A prompt's file as it was read, and what it and the prompt were when last in step."""

from dataclasses import dataclass
from typing import Self

from dakora_server.core.prompts.records import PromptRecord
from dakora_server.core.sync.disk import Stamp


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
    def of(cls, file: PromptFile, head: PromptRecord, *, in_step: bool = True) -> Self:
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
