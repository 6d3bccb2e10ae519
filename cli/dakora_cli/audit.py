"""`dakora audit`."""

from dataclasses import asdict

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.reach import ask
from dakora_cli.screen import ago, show_rows
from dakora_client import AuditEvent

_COLUMNS = ("when", "action", "subject", "by", "from", "request")


@command("audit", *REACHING, *SPEAKING)
@click.option("--limit", type=click.IntRange(1), default=50, metavar="NUMBER", help="How many (default: 50).")
@click.option("--action", metavar="ACTION", help="Only this one, e.g. prompt.saved.")
@click.option("--actor", metavar="ID", help="Only what this user or API key did.")
@click.option("--workspace", metavar="ID", help="A workspace and all its projects, in place of the project.")
def audit(call: Invocation, *, limit: int, action: str | None, actor: str | None, workspace: str | None) -> None:
    """List what was done in the project, newest first.

    For admins of the workspace. A table on a terminal; in a pipe one event a line, columns parted by tabs, without a
    heading. --json also says what was there before and after.
    """
    found = ask(call, lambda dakora: dakora.audit.list(workspace_id=workspace, action=action, actor=actor, limit=limit))
    if call.out.as_json:
        call.out.json([asdict(event) for event in found])
        return
    show_rows(call, _COLUMNS, [_row(call, event) for event in found], gives_way="subject")
    if not found:
        call.out.say("No event matches." if action or actor else "Nothing has happened yet.")


def _row(call: Invocation, event: AuditEvent) -> tuple[str, ...]:
    by = f"{event.actor_kind} {event.actor_id}"
    return ago(call, event.at), event.action, event.subject, by, event.address or "", event.request_id or ""
