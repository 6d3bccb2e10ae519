"""`dakora lock`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from dakora_cli.folder import PromptFile, folder_at, folder_option, read_folder
from dakora_cli.lockfile import Lock, Locked
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.output import counted
from dakora_cli.planning import Head
from dakora_cli.reach import ask, at_once
from dakora_cli.refusals import Exit, Problem, Refusal
from dakora_cli.remote import Whole, fetch, heads_of, history, parts_named
from dakora_client import Dakora
from dakora_server.core.sync.names import is_part


@command("lock", *REACHING, *SPEAKING)
@folder_option
@click.option("--check", "check_only", is_flag=True, help="Write nothing; exit 1 when the folder is not as locked.")
def lock(call: Invocation, *, folder: Path, check_only: bool) -> int:
    """Write down which versions a folder is made of.

    The lock is a file beside the folder, `prompts.lock` for `prompts`: each prompt and part with its version, the
    SHA-256 of its text, and the versions of the parts in it. Pull, push and sync keep it; `dakora pull --locked`
    brings exactly these versions back.
    """
    reading = read_folder(call.world, folder)
    if reading.problems:
        raise Refusal("These files cannot be locked: mend them first.", problems=reading.problems)
    kept = Lock(call.world, folder_at(call.world, folder))
    if check_only:
        return _check(call, kept, reading.files)
    found = ask(call, partial(_versions, files=reading.files))
    unknown = [file for file, locked in found if locked is None]
    problems = [Problem("this is no version of the server's: push it first", file.shown) for file in unknown]
    if problems:
        raise Refusal(f"{kept.shown} was not written.", problems=problems)
    for prompt_id in kept:
        kept.drop(prompt_id)
    for file, locked in found:
        if locked is not None:
            kept.put(file.spec.id, locked)
    is_new, ids = kept.save(), [file.spec.id for file, _ in found]
    if call.out.as_json:
        call.out.json({"path": kept.shown, "changed": is_new, **_counts(ids)})
    else:
        call.out.say(f"{kept.shown}: {_count(ids)}{'' if is_new else ', as before'}")
    return Exit.DONE


def _check(call: Invocation, kept: Lock, files: Sequence[PromptFile]) -> int:
    there = {file.spec.id: file for file in files}
    absent = [prompt_id for prompt_id in kept if prompt_id not in there]
    problems = [Problem(f"this {_kind(prompt_id)} is locked, and there is no file", prompt_id) for prompt_id in absent]
    for prompt_id, file in there.items():
        locked = kept.get(prompt_id)
        if locked is None:
            problems.append(Problem(f"this {_kind(prompt_id)} is not locked", file.shown))
        elif locked.sha256 != file.content_hash:
            problems.append(Problem(f"this is not what is locked ({locked.version})", file.shown))
    if problems:
        raise Refusal(f"{kept.shown} and the folder are not the same.", problems=problems)
    if call.out.as_json:
        call.out.json({"path": kept.shown, "changed": False, **_counts(list(there))})
    else:
        call.out.say(f"{kept.shown}: {_count(list(there))}, all as locked")
    return Exit.DONE


def _counts(ids: Sequence[str]) -> dict[str, int]:
    parts = sum(map(is_part, ids))
    return {"prompts": len(ids) - parts, "parts": parts}


def _kind(item_id: str) -> str:
    return "part" if is_part(item_id) else "prompt"


def _count(ids: Sequence[str]) -> str:
    """`2 prompts, 1 part`."""
    parts = sum(map(is_part, ids))
    return counted(len(ids) - parts, "prompt") + (f", {counted(parts, 'part')}" if parts else "")


async def _versions(dakora: Dakora, *, files: Sequence[PromptFile]) -> list[tuple[PromptFile, Locked | None]]:
    heads = await heads_of(dakora, ids=[file.spec.id for file in files])

    async def version(file: PromptFile) -> tuple[PromptFile, Locked | None]:
        return file, await _version(dakora, file, heads.get(file.spec.id))

    return await at_once([partial(version, file) for file in files])


async def _version(dakora: Dakora, file: PromptFile, head: Head | None) -> Locked | None:
    """The newest version that says what the file says."""
    if head is None:
        return None
    number = head.version_number
    if head.content_hash != file.content_hash:
        versions = await history(dakora, file.spec.id)
        same = [version.version_number for version in versions if version.content_hash == file.content_hash]
        if not same:
            return None
        number = same[0]
    if number != head.version_number or not isinstance(head, Whole):
        head = await fetch(dakora, file.spec.id, number)
    return Locked(number, head.version, head.content_hash, parts_named(head))
