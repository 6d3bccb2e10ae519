"""`dakora members`."""

from dataclasses import asdict

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.places import workspace_at, workspace_option
from dakora_cli.reach import ask
from dakora_cli.screen import ago, show_rows
from dakora_client import Dakora, Member

_COLUMNS = ("id", "name", "email", "role", "since")


@command("members", *REACHING, *SPEAKING)
@workspace_option
def members(call: Invocation, *, workspace: str | None) -> None:
    """List who is in the workspace.

    A table on a terminal; in a pipe one member a line, columns parted by tabs, without a heading.
    """

    async def all_of(dakora: Dakora) -> list[Member]:
        return await dakora.workspaces.members(await workspace_at(call, dakora, workspace))

    found = ask(call, all_of)
    if call.out.as_json:
        call.out.json([asdict(member) for member in found])
        return
    rows = [(one.user_id, one.name, one.email or "", one.role, ago(call, one.created_at)) for one in found]
    show_rows(call, _COLUMNS, rows, gives_way="name")
