"""`dakora whoami`."""

from dataclasses import asdict

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.places import project_at
from dakora_cli.reach import ask
from dakora_client import Dakora, Me, Project


@command("whoami", *REACHING, *SPEAKING)
def whoami(call: Invocation) -> None:
    """Print who you are to the server, and where you work.

    With an API key you are the one who made it, and work in the key's project.
    """

    async def both(dakora: Dakora) -> tuple[Me, Project | None]:
        return await dakora.me(), await project_at(call, dakora)

    (me, project), out, connection = ask(call, both), call.out, call.connection
    if out.as_json:
        facts = asdict(me)
        del facts["default_project"]
        by = {"url": connection.url, "shown": connection.shown, "shown_from": connection.key_from}
        out.json({**facts, "project": None if project is None else asdict(project), **by})
        return
    address = f" <{me.user.email}>" if me.user.email else ""
    source = f" from {connection.key_from}" if connection.key_from else ""
    credentials = f"with the {connection.shown}{source}" if connection.shown else "without credentials"
    out.line(f"user       {me.user.name or me.user.id}{address}")
    for workspace in me.workspaces:
        personal = ", personal" if workspace.personal else ""
        out.line(f"workspace  {workspace.name} ({workspace.role}{personal}) {workspace.id}")
    out.line("project    " + ("(none)" if project is None else f"{project.name} ({project.slug}) {project.id}"))
    out.line(f"server     {connection.url}, {credentials}")
