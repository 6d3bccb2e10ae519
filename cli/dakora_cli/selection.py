"""How a command names one prompt or part, and one version of it."""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import click

from dakora_cli.options import Flags, Invocation
from dakora_cli.reach import ask
from dakora_cli.refusals import Refusal, WrongUse
from dakora_client import Dakora, PartSummary, PromptSummary

F = TypeVar("F", bound=Callable[..., Any])
# Somebody holds the Tab key down and waits.
_SECONDS = 1.0
_OFFERED = 200


def complete_prompt_id(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Ids of prompts that begin like this; none at all where the server does not answer at once."""
    return _complete(ctx, incomplete, lambda dakora: dakora.prompts.iter(search=incomplete or None))


def complete_part_id(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The same of parts."""
    return _complete(ctx, incomplete, lambda dakora: dakora.parts.iter(search=incomplete or None))


def _complete(
    ctx: click.Context, incomplete: str, listed: Callable[[Dakora], AsyncIterator[PromptSummary | PartSummary]]
) -> list[str]:
    words: dict[str, Any] = {}
    place: click.Context | None = ctx
    while place is not None:  # what stands nearest wins, as when the command runs
        words = {**{name: value for name, value in place.params.items() if value}, **words}
        place = place.parent
    call = Invocation(
        ctx.obj.world,
        Flags(quiet=True, url=words.get("url"), api_key=words.get("api_key"), project=words.get("project")),
    )

    async def ids(dakora: Dakora) -> list[str]:
        found: list[str] = []
        async for one in listed(dakora):
            if one.id.startswith(incomplete):
                found.append(one.id)
            if len(found) >= _OFFERED:
                break
        return found

    try:
        return ask(call, ids, timeout=_SECONDS, connect_timeout=_SECONDS / 2, max_retries=0)
    except Refusal:
        return []


def prompt_id_argument(function: F) -> F:
    """The prompt's id, which the shell completes."""
    return click.argument("prompt_id", metavar="ID", shell_complete=complete_prompt_id)(function)


def part_id_argument(function: F) -> F:
    """The part's id, which the shell completes."""
    return click.argument("part_id", metavar="ID", shell_complete=complete_part_id, callback=_part_id)(function)


def _part_id(_: click.Context, __: click.Parameter, value: str) -> str:
    if "/" not in value:
        raise click.BadParameter(f"{value!r} has no category: parts are called category/part_id.")
    return value


def version_options(function: F) -> F:
    """`--version` and `--label`: which version is meant."""
    function = click.option("--label", metavar="LABEL", help="The version that this label points to.")(function)
    return click.option("--version", metavar="VERSION", help="A version's number (3) or semver (1.2.0).")(function)


def refuse_both(version: str | None, label: str | None) -> None:
    """Raise WrongUse when two versions are named."""
    if version is not None and label is not None:
        raise WrongUse("Name a version or a label, not both.")
