"""A prompt with its whole history, from one project to another of the same workspace."""

from dataclasses import replace

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import IncludesStay, PromptArchived, PromptNotFound
from dakora_server.core.prompts import label_queries, list_queries, part_queries, queries
from dakora_server.core.prompts.records import StoredPrompt
from dakora_server.core.scope import ProjectWriter
from dakora_server.core.storage.tenant import Tenant


async def move(source: ProjectWriter, target: ProjectWriter, prompt_id: str) -> StoredPrompt:
    """Move a prompt; numbers, hashes, authors and times of its versions stay as they are.

    Both writers share one transaction: the prompt is in one of the two projects at any time, never in both or none.
    Raises PromptNotFound, PromptExists, PromptArchived when an archived prompt of the target holds the id; IncludesStay
    when a version includes parts.
    """
    await source.hold(prompt_id)
    head = await queries.lock_prompt(source, prompt_id)
    if head is None:
        raise PromptNotFound(f"There is no prompt {prompt_id}.")
    if await part_queries.includes_anything(source, prompt_id):
        raise IncludesStay(f"{prompt_id} includes parts of this project, which the other one does not have.")
    rows = await queries.every_version(source, prompt_id)
    pointers, moves = await label_queries.everything_of(source, prompt_id)
    # The documents first: rows that name them follow in the transaction.
    for digest in {row["content_hash"] for row in rows}:
        await target.vault.put(await source.vault.get(digest))
    moved = replace(head, revision=head.revision + 1)
    await source.tx.speak_for(Tenant(project_id=target.project_id))
    if await queries.find_archived(target, prompt_id) is not None:
        raise PromptArchived("The id belongs to an archived prompt of the other project.")
    # `updated_at` of the prompt's row is about the row; the version keeps its own time.
    await queries.add_prompt(target, replace(moved, updated_at=clock.now()))
    await queries.add_versions(target, rows)
    await list_queries.enter(target, moved)
    await label_queries.add_everything(target, pointers, moves)
    facts = {"version": head.number, "content_hash": head.content_hash}
    await note(target, "prompt.arrived", prompt_id, before={"project": source.project_id}, after=facts)
    await target.announce(prompt_id)
    await source.tx.speak_for(Tenant(project_id=source.project_id))
    await queries.remove(source, prompt_id)
    await note(source, "prompt.left", prompt_id, before=facts, after={"project": target.project_id})
    await source.announce(prompt_id)
    return StoredPrompt(moved, await target.vault.get(head.content_hash))
