"""Who has changed, and what follows: the three-way rule, without a disk or a database.

The base is what both sides were when last in step. A side that differs from it has changed. What only one side
changed goes to the other; what both changed is merged. Without a base equal sides are in step and different ones have
both changed: so a lost base costs a question, never a text.
"""

from enum import Enum, auto

from dakora_server.core.sync.names import folder_of
from dakora_server.core.sync.records import Base, Head, PromptFile
from dakora_server.core.templates.versioning import is_higher


class Step(Enum):
    """What is to be done with one prompt."""

    nothing = auto()
    in_step = auto()
    save = auto()  # the file's text becomes the newest version, or a new prompt
    write = auto()  # the newest version becomes the file's text
    merge = auto()  # both have changed: both changes go into the file
    archive = auto()  # the file is gone: so goes the prompt
    remove = auto()  # the prompt is archived: so goes its file
    keep = auto()  # the prompt is archived, but its file has changed: it stays until it is saved again
    forget = auto()  # gone from both sides


class Move(Enum):
    """Which side's folder holds."""

    none = auto()
    to_server = auto()
    to_disk = auto()


def decide(base: Base | None, file: PromptFile | None, head: Head | None, *, archived: bool = False) -> Step:
    """The step for the text of one prompt. `archived` matters only where there is a file and no live prompt."""
    if file is None:
        return _without_file(base, head)
    if file.content_hash is None:
        # It cannot be read: whatever it was to say, neither side may change because of it.
        return Step.nothing
    if head is None:
        return _without_prompt(base, file, archived=archived)
    return _with_both(base, file, head)


def _without_file(base: Base | None, head: Head | None) -> Step:
    if head is None:
        return Step.nothing if base is None else Step.forget
    # An edit on the server outlives a deletion here.
    deleted = base is not None and base.content_hash == head.content_hash
    return Step.archive if deleted else Step.write


def _without_prompt(base: Base | None, file: PromptFile, *, archived: bool) -> Step:
    # A prompt the server never had, though there is a base, is another database: nothing was archived there.
    if base is None or not archived:
        return Step.save
    if base.kept is not None:
        return Step.nothing if base.kept == file.stamp.modified else Step.save
    # To the byte: what only the file has, such as comments, would be lost with it.
    return Step.remove if file.sha256 == base.sha256 else Step.keep


def _with_both(base: Base | None, file: PromptFile, head: Head) -> Step:
    raised = file.version is not None and is_higher(file.version, head.semver)
    if file.content_hash == head.content_hash:
        if raised:
            return Step.save
        follows = base is not None and file.version is not None and file.version == base.semver != head.semver
        return Step.write if follows else Step.in_step
    if base is None:
        return Step.merge
    if file.content_hash == base.content_hash and not raised:
        return Step.write
    return Step.save if head.content_hash == base.content_hash else Step.merge


def decide_folder(base: Base | None, file: PromptFile, head: Head) -> Move:
    """Which way the folder goes, whatever becomes of the text. Where both have moved, the disk holds."""
    here = folder_of(file.path)
    if here == head.folder:
        return Move.none
    return Move.to_disk if base is not None and here == base.folder else Move.to_server
