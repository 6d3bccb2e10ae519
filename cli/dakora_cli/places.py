"""Which project and which workspace a command is about."""

import click

from dakora_cli.options import Invocation
from dakora_client import Dakora, Project

workspace_option = click.option("--workspace", metavar="ID", help="The workspace (default: the project's).")


async def project_at(call: Invocation, dakora: Dakora) -> Project | None:
    """The project that was named, else the key's own or the caller's default one; None when there is none."""
    named = call.connection.project
    return (await dakora.me()).default_project if named is None else await dakora.projects.get(named)


async def workspace_at(call: Invocation, dakora: Dakora, given: str | None) -> str:
    """The id of the workspace that was named, else the project's."""
    if given is not None:
        return given
    named = call.connection.project
    return (await (dakora.context() if named is None else dakora.projects.get(named))).workspace_id
