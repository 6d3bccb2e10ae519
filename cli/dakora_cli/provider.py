"""`dakora provider`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import get_args

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command, group
from dakora_cli.reach import ask
from dakora_cli.refusals import WrongUse
from dakora_cli.screen import ago, show_rows
from dakora_client import Provider
from dakora_client.run_types import ProviderKind

_COLUMNS = ("name", "kind", "address", "key", "from", "changed")
_KINDS = get_args(ProviderKind)

provider = group(
    "provider",
    """Set up the providers of models: their keys, and where they are.

    For admins of the workspace: with login, set DAKORA_TOKEN to a session token. A key is kept encrypted and never
    shown again.
    """,
)


@command("list", *REACHING, *SPEAKING)
def list_providers(call: Invocation) -> None:
    """List the providers that are set up, without their keys.

    A table on a terminal; in a pipe one provider a line, columns parted by tabs, without a heading.
    """
    found = ask(call, lambda dakora: dakora.models.providers())
    if call.out.as_json:
        call.out.json([asdict(one) for one in found])
        return
    show_rows(call, _COLUMNS, [_row(call, one) for one in found], gives_way="address")
    if not found:
        call.out.say("No provider is set up: `dakora provider set openai` takes a key.")


@command("set", *REACHING, *SPEAKING)
@click.argument("name")
@click.option("--kind", type=click.Choice(_KINDS), help="Its interface (default: the one of that name).")
@click.option("--key", metavar="KEY", help="Its API key; `-` reads it from stdin (default: it is asked for).")
@click.option("--no-key", is_flag=True, help="It needs none, or keeps the one that is there.")
@click.option("--base-url", metavar="URL", help="Another address than its own, e.g. http://localhost:11434/v1.")
@click.option("--api-version", metavar="VERSION", help="For Azure.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="A model to offer; repeatable.")
def set_provider(
    call: Invocation,
    *,
    name: str,
    kind: ProviderKind | None,
    key: str | None,
    no_key: bool,
    base_url: str | None,
    api_version: str | None,
    models: Sequence[str],
) -> None:
    """Set up a provider, or change it.

    The key is asked for, so that it stands in no shell's history:

    \b
      dakora provider set openai
      dakora provider set ollama --kind openai_compatible --base-url http://localhost:11434/v1 --no-key
    """
    if no_key and key is not None:
        raise WrongUse("--key and --no-key exclude each other.")
    if key == "-" and call.flags.api_key == "-":
        raise WrongUse("Standard input can hold one key, not both.")
    if key == "-":
        key = call.world.stdin.read().strip()
    elif key is None and not no_key:
        key = call.world.ask_secret(f"API key of {name}: ").strip()
        if not key:
            raise WrongUse("No key was given; --no-key says that none is needed.")
    made = ask(
        call,
        lambda dakora: dakora.models.set_provider(
            name, api_key=key, kind=kind, base_url=base_url, api_version=api_version, models=models or None
        ),
    )
    if call.out.as_json:
        call.out.json(asdict(made))
    else:
        call.out.say(f"{made.name} is set up. `dakora models` lists what can be run.")


@command("remove", *REACHING, *SPEAKING)
@click.argument("name")
def remove(call: Invocation, *, name: str) -> None:
    """Forget a provider and its key."""
    ask(call, lambda dakora: dakora.models.remove_provider(name))
    if call.out.as_json:
        call.out.json({"removed": name})
    else:
        call.out.say(f"Removed {name}.")


for _command in (list_providers, set_provider, remove):
    provider.add_command(_command)


def _row(call: Invocation, one: Provider) -> tuple[str, ...]:
    return (one.name, one.kind, one.base_url or "-", one.key_hint or "-", one.origin, ago(call, one.changed_at) or "-")
