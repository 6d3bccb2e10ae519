"""`dakora keys`."""

from dataclasses import asdict

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command, group
from dakora_cli.reach import ask
from dakora_cli.screen import ago, day, show_rows
from dakora_client import ApiKey, Dakora, NewApiKey
from dakora_client.types import Scope

_COLUMNS = ("id", "name", "key", "scopes", "labels", "status", "expires", "last used")
_SCOPES = ("read", "render", "write", "execute", "log")

keys = group(
    "keys",
    """Make, rotate and revoke the project's API keys.

    For admins of the workspace: with login, set DAKORA_TOKEN to a session token, because no key manages keys.
    """,
)


@command("list", *REACHING, *SPEAKING)
@click.option("--all", "everything", is_flag=True, help="Expired and revoked ones too.")
def list_keys(call: Invocation, *, everything: bool) -> None:
    """List the keys, newest first.

    A table on a terminal; in a pipe one key a line, columns parted by tabs, without a heading.
    """
    found = ask(call, lambda dakora: dakora.api_keys.list(all=everything))
    if call.out.as_json:
        call.out.json([asdict(key) for key in found])
        return
    show_rows(call, _COLUMNS, [_row(call, key) for key in found], gives_way="name")
    if not found:
        call.out.say("There are no API keys: `dakora keys create NAME` makes one.")


@command("create", *REACHING, *SPEAKING)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(_SCOPES),
    multiple=True,
    default=("read", "render"),
    help="What it may do; repeatable (default: read and render).",
)
@click.option("--label", "labels", metavar="LABEL", multiple=True, help="Only versions with this label; repeatable.")
@click.option("--expires", type=click.Choice(["30", "90", "365"]), help="In how many days it ends (default: never).")
def create(
    call: Invocation, *, name: str, scopes: tuple[Scope, ...], labels: tuple[str, ...], expires: str | None
) -> None:
    """Make a key and print it.

    The key alone goes to stdout, so that it can be piped into a store of secrets. It is never shown again.
    """

    async def make(dakora: Dakora) -> NewApiKey:
        return await dakora.api_keys.create(
            name, scopes=scopes, labels=labels or None, expires_in_days=int(expires) if expires else None
        )

    made = ask(call, make)
    end = f", until {made.expires_at:%Y-%m-%d}" if made.expires_at else ""
    _print_key(call, made, f"Made {_about(made)}{end}.")


@command("rotate", *REACHING, *SPEAKING)
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap-hours", type=click.IntRange(0, 720), default=24, metavar="HOURS", help="How long the old one works on."
)
def rotate(call: Invocation, *, key_id: str, overlap_hours: int) -> None:
    """Make a key with the same rights and print it; the old one works on for a day.

    The new key alone goes to stdout. It is never shown again.
    """
    made = ask(call, lambda dakora: dakora.api_keys.rotate(key_id, overlap_hours=overlap_hours))
    old = f"The old one works for {overlap_hours} hours more." if overlap_hours else "The old one opens nothing now."
    _print_key(call, made, f"Made {_about(made)}, in place of {key_id}. {old}")


@command("revoke", *REACHING, *SPEAKING)
@click.argument("key_id", metavar="ID")
def revoke(call: Invocation, *, key_id: str) -> None:
    """Revoke a key: it opens nothing from the next request on."""
    ask(call, lambda dakora: dakora.api_keys.revoke(key_id))
    if call.out.as_json:
        call.out.json({"revoked": key_id})
    else:
        call.out.say(f"Revoked {key_id}.")


for _command in (list_keys, create, rotate, revoke):
    keys.add_command(_command)


def _print_key(call: Invocation, made: NewApiKey, said: str) -> None:
    if call.out.as_json:
        call.out.json(asdict(made))
        return
    call.out.line(made.key)
    call.out.say(f"{said} The key is shown this once: keep it where secrets are kept.")


def _about(key: ApiKey) -> str:
    limit = f", labels {', '.join(key.labels)}" if key.labels else ""
    return f"{key.name} ({key.id}): {', '.join(key.scopes)}{limit}"


def _row(call: Invocation, key: ApiKey) -> tuple[str, ...]:
    labels = "" if key.labels is None else ", ".join(key.labels)
    when = day(call, key.expires_at), ago(call, key.last_used_at)
    return key.id, key.name, key.hint, ", ".join(key.scopes), labels, key.status, *when
