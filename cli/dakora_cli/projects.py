"""`dakora projects`."""

from dataclasses import asdict

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.reach import ask
from dakora_cli.screen import show_rows
from dakora_client import Dakora, Project

_COLUMNS = ("id", "slug", "name", "workspace", "role")


@command("projects", *REACHING, *SPEAKING)
@click.option("--workspace", metavar="ID", help="Only this workspace's.")
@click.option("--archived", is_flag=True, help="The archived ones instead.")
def projects(call: Invocation, *, workspace: str | None, archived: bool) -> None:
    """List the projects you can work in.

    An API key opens its own project only. A table on a terminal; in a pipe one project a line, columns parted by tabs,
    without a heading.
    """

    async def all_of(dakora: Dakora) -> list[tuple[Project, str, str]]:
        me = await dakora.me()
        wanted = [entry for entry in me.workspaces if workspace in {None, entry.id}]
        if not me.workspaces and me.default_project is not None and not archived:
            return [(me.default_project, me.default_project.workspace_id, "")]
        if not wanted and workspace is not None:
            await dakora.workspaces.get(workspace)
        return [
            (project, entry.name, entry.role)
            for entry in wanted
            for project in await dakora.projects.list(entry.id, archived=archived)
        ]

    found = ask(call, all_of)
    if call.out.as_json:
        call.out.json([asdict(project) | {"workspace": place, "role": role} for project, place, role in found])
        return
    rows = [(project.id, project.slug, project.name, place, role) for project, place, role in found]
    show_rows(call, _COLUMNS, rows, gives_way="name")
    if not found:
        call.out.say("There are no archived projects." if archived else "There are no projects.")
