"""`dakora part`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command, group
from dakora_cli.output import age, counted
from dakora_cli.part_files import STDIN, read_parts
from dakora_cli.part_saving import PartSaver, SavedPart, follower_json, followers_of
from dakora_cli.reach import ask
from dakora_cli.refusals import Refusal, WrongUse
from dakora_cli.remote import spec_of
from dakora_cli.screen import ago, show_rows
from dakora_cli.selection import part_id_argument
from dakora_cli.yaml_view import show_yaml
from dakora_client import Dakora, Part, PartSummary, PartUsage
from dakora_server.core.templates.serialization import to_yaml

_COLUMNS = ("category", "id", "version", "updated", "description")
_HISTORY = ("version", "semver", "saved", "by", "why")
_USAGES = ("kind", "id", "version", "uses", "how", "labels")
_STYLES = {"created": "green", "restored": "green", "updated": "cyan"}
_FOLLOWERS_SHOWN = 20

part = group("part", "Keep the texts that prompts share, and see who uses them.")


@command("list", *REACHING, *SPEAKING)
@click.option("--category", metavar="NAME", help="Only this category.")
@click.option("--search", metavar="TEXT", help="Only ids and descriptions that hold it.")
def list_parts(call: Invocation, *, category: str | None, search: str | None) -> None:
    """List the parts of the project by category.

    A table on a terminal; in a pipe one part a line, columns parted by tabs, without a heading.
    """

    async def all_of(dakora: Dakora) -> list[PartSummary]:
        return [one async for one in dakora.parts.iter(category=category, search=search)]

    found, out = ask(call, all_of), call.out
    by_category: dict[str, list[PartSummary]] = {}
    for one in found:
        by_category.setdefault(one.category, []).append(one)
    if out.as_json:
        out.json({"by_category": {name: [asdict(one) for one in below] for name, below in by_category.items()}})
    else:
        rows = [_row(call, one, is_first=one is below[0]) for below in by_category.values() for one in below]
        show_rows(call, _COLUMNS, rows, gives_way="description")
    if not found:
        out.say("No part matches." if category or search else "There are no parts yet: `dakora part save` saves some.")


@command("show", *REACHING, *SPEAKING)
@part_id_argument
@click.option("--version", metavar="VERSION", help="A version's number (3) or semver (1.2.0).")
def show(call: Invocation, *, part_id: str, version: str | None) -> None:
    """Print a part, as the YAML file that `dakora part save` takes."""
    found, out = ask(call, lambda dakora: dakora.parts.get(part_id, version=version)), call.out
    if out.as_json:
        out.json(_facts(found))
        return
    text = to_yaml(spec_of(found), version=found.version)
    if out.to_terminal:
        facts = [
            f"{found.id} {found.version} (version {found.version_number})",
            age(found.updated_at, call.world.now()),
        ]
        out.say(", ".join([*facts, *([f"“{found.message}”"] if found.message else [])]), "dim")
    show_yaml(call, text)


@command("save", *REACHING, *SPEAKING)
@click.argument("sources", metavar="FILE...", nargs=-1, required=True)
@click.option("--message", "-m", metavar="TEXT", help="Why, for the history.")
@click.option("--force", is_flag=True, help="Save also what began at an older version.")
def save(call: Invocation, *, sources: Sequence[str], message: str | None, force: bool) -> None:
    """Save parts from YAML files; `-` reads one from stdin.

    A file has the fields id (category/part_id), template and, if you like, version, description and metadata. Every
    file is checked before the first one is sent, and parts are saved before those that include them. What has not
    changed is left alone; a file's version counts as in `dakora push`. Prompts and parts that follow a changed part
    get a new version with it, and are named.
    """
    if call.flags.api_key == "-" and STDIN in sources:
        raise WrongUse("Standard input can hold the key or a part, not both.")
    files = read_parts(call.world, sources)
    results: list[SavedPart] = []

    async def send(dakora: Dakora) -> None:
        saver = PartSaver(dakora, message, force)
        # One after the other, because each may include those before it; and what was saved before a failure is told.
        for file in files:
            results.append(await saver.save(file))  # noqa: PERF401 - a list made at once would be lost with the failure

    try:
        ask(call, send)
    except Refusal as refusal:
        if len(files) > 1:
            refusal.message = f"Stopped after {len(results)} of {counted(len(files), 'part')}: {refusal.message}"
            _print(call, results)
        raise
    _print(call, results)
    if problems := [problem for one in results for problem in one.problems]:
        count = sum(1 for one in results if one.problems)
        raise Refusal(f"{counted(count, 'part')} {'has' if count == 1 else 'have'} problems.", problems=problems)


@command("delete", *REACHING, *SPEAKING)
@part_id_argument
@click.option("--force", is_flag=True, help="Delete it although it is in use.")
def delete(call: Invocation, *, part_id: str, force: bool) -> None:
    """Delete a part. What was saved with it renders on; `dakora part restore` brings it back.

    A part in use is not deleted, unless with --force: then nothing can be saved with it any more.
    """
    try:
        ask(call, lambda dakora: dakora.parts.delete(part_id, force=force))
    except Refusal as refusal:
        if refusal.facts.get("code") == "part_in_use":
            refusal.message = f"{part_id} is in use: --force deletes it all the same."
        raise
    if call.out.as_json:
        call.out.json({"deleted": part_id})
    else:
        call.out.say(f"Deleted {part_id}: `dakora part restore {part_id}` brings it back.")


@command("restore", *REACHING, *SPEAKING)
@part_id_argument
def restore(call: Invocation, *, part_id: str) -> None:
    """Bring a deleted part back as it was."""
    found = ask(call, lambda dakora: dakora.parts.restore(part_id))
    if call.out.as_json:
        call.out.json(_facts(found))
    else:
        call.out.say(f"{found.id} is here, at version {found.version_number} ({found.version}).")


@command("usages", *REACHING, *SPEAKING)
@part_id_argument
def usages(call: Invocation, *, part_id: str) -> None:
    """List who uses a part, and at which version.

    Prompts and parts at their newest version, prompts at labelled ones too. `follows`: a new version of the part
    makes a new version of them; `keeps`: it does not.
    """
    found = ask(call, lambda dakora: dakora.parts.usages(part_id))
    if call.out.as_json:
        call.out.json([asdict(one) for one in found])
        return
    show_rows(call, _USAGES, [_usage_row(one) for one in found], gives_way="labels")
    if not found:
        call.out.say(f"Nothing uses {part_id}.")


@command("versions", *REACHING, *SPEAKING)
@part_id_argument
def versions(call: Invocation, *, part_id: str) -> None:
    """List the versions of a part, newest first.

    Each says when it was saved, by whom and why.
    """
    found = ask(call, lambda dakora: dakora.parts.versions(part_id))
    if call.out.as_json:
        call.out.json([asdict(one) for one in found])
        return
    rows = [
        (str(one.version_number), one.version, ago(call, one.created_at), one.created_by or "", one.message or "")
        for one in found
    ]
    show_rows(call, _HISTORY, rows, gives_way="why")


@command("rollback", *REACHING, *SPEAKING)
@part_id_argument
@click.argument("version")
@click.option("--message", "-m", metavar="TEXT", help="Why, for the history.")
def rollback(call: Invocation, *, part_id: str, version: str, message: str | None) -> None:
    """Make a new version with the text of an older one.

    VERSION is its number or semver. Prompts and parts that follow the part get a new version too, and are named.
    """

    async def back(dakora: Dakora) -> tuple[Part, tuple[PartUsage, ...]]:
        before = await dakora.parts.get(part_id)
        after = await dakora.parts.rollback(part_id, version, message=message)
        is_new = after.version_number != before.version_number
        return after, await followers_of(dakora, after) if is_new else ()

    found, followers = ask(call, back)
    if call.out.as_json:
        call.out.json(_facts(found) | {"followers": [follower_json(one) for one in followers]})
        return
    call.out.say(
        f"{found.id} is at version {found.version_number} ({found.version}), with the text of version {version}."
    )
    _say_followers(call, followers)


for _command in (list_parts, show, save, delete, restore, usages, versions, rollback):
    part.add_command(_command)


def _facts(found: Part) -> dict[str, Any]:
    return {name: value for name, value in asdict(found).items() if name != "etag"}


def _row(call: Invocation, one: PartSummary, *, is_first: bool) -> tuple[str, ...]:
    # For the eye a category is named once; a line in a pipe stands by itself.
    category = one.category if is_first or not call.out.to_terminal else ""
    return category, one.id, one.version, ago(call, one.updated_at), one.description


def _usage_row(one: PartUsage) -> tuple[str, ...]:
    how = "follows" if one.follows else "keeps"
    through = "" if one.direct else ", through a part"
    numbers = str(one.version_number), str(one.part_version_number)
    return one.kind, one.id, *numbers, how + through, ", ".join(one.labels)


def _print(call: Invocation, results: Sequence[SavedPart]) -> None:
    out, counts = call.out, Counter(one.outcome for one in results)
    if out.as_json:
        out.json({"parts": [one.to_json() for one in results], "counts": counts})
        return
    for one in results:
        if one.outcome in _STYLES:
            out.line(f"{one.outcome} {one.file.spec.id} {one.version} ({one.file.shown})", _STYLES[one.outcome])
        _say_followers(call, one.followers)
    out.say(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))


def _say_followers(call: Invocation, followers: Sequence[PartUsage]) -> None:
    for one in followers[:_FOLLOWERS_SHOWN]:
        call.out.say(f"The {one.kind} {one.id} follows it: now at version {one.version_number}.")
    if (more := len(followers) - _FOLLOWERS_SHOWN) > 0:
        call.out.say(f"So do {more} more.")
