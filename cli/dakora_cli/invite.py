"""`dakora invite`."""

from dataclasses import asdict

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.places import workspace_at, workspace_option
from dakora_cli.reach import ask
from dakora_client import Dakora, Invitation
from dakora_client.types import MemberRole


@command("invite", *REACHING, *SPEAKING)
@click.argument("mail")
@click.option(
    "--role", type=click.Choice(["owner", "admin", "editor", "viewer"]), default="editor", help="Default: editor."
)
@workspace_option
def invite(call: Invocation, *, mail: str, role: MemberRole, workspace: str | None) -> None:
    """Invite somebody into the workspace.

    Where the server sends no mail, the link to pass on goes to stdout, and is never shown again.
    """

    async def send(dakora: Dakora) -> Invitation:
        return await dakora.workspaces.invite(await workspace_at(call, dakora, workspace), mail, role)

    made = ask(call, send)
    if call.out.as_json:
        call.out.json(asdict(made))
        return
    end = f"{made.expires_at:%Y-%m-%d}" if made.expires_at else "it is used"
    if made.link is None:
        call.out.say(f"{made.email} gets a mail with a link, which lets them in once, as {made.role}, until {end}.")
        return
    call.out.line(made.link)
    call.out.say(f"Pass the link on to {made.email}: it lets whoever holds it in once, as {made.role}, until {end}.")
