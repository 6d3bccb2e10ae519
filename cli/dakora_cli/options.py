"""The flags that commands share, and how a function becomes a command."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, wraps
from typing import Any

import click

from dakora_cli.connection import Connection, resolve
from dakora_cli.output import Output
from dakora_cli.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The shared flags. They may stand before the command's name or after it."""

    url: str | None = None
    api_key: str | None = None
    project: str | None = None
    json: bool = False
    quiet: bool = False
    no_color: bool = False

    def over(self, outer: "Flags") -> "Flags":
        """These flags, and where they are silent the outer ones."""
        return Flags(**{entry.name: getattr(self, entry.name) or getattr(outer, entry.name) for entry in fields(self)})


OPTIONS = {
    "url": click.option("--url", metavar="URL", help="Server to talk to (default: the linked one, else this machine)."),
    "api_key": click.option(
        "--api-key", metavar="KEY", help="API key; better in DAKORA_API_KEY. `-` reads it, `ask` asks."
    ),
    "project": click.option("--project", metavar="ID", help="Project to work in."),
    "json": click.option("--json", is_flag=True, help="Print JSON, and nothing else on stdout."),
    "quiet": click.option("--quiet", "-q", is_flag=True, help="Print no talk, only data and errors."),
    "no_color": click.option("--no-color", is_flag=True, help="Print no colours (as NO_COLOR does)."),
}
REACHING = ("url", "api_key", "project")
SPEAKING = ("json", "quiet", "no_color")


class Invocation:
    """One command being run: the world, the shared flags, and how to speak."""

    def __init__(self, world: World, flags: Flags) -> None:
        self.world = world
        self.flags = flags
        self.out = Output(world, as_json=flags.json, quiet=flags.quiet, colour=not flags.no_color)

    @cached_property
    def connection(self) -> Connection:
        """The server to talk to. Raises WrongUse."""
        flags = self.flags
        found = resolve(self.world, url=flags.url, api_key=flags.api_key, project=flags.project)
        if found.is_exposed:
            self.out.warn(f"the {found.shown} travels unencrypted to {found.url}: use https.")
        return found


@dataclass(slots=True)
class Outer:
    """What the root of the command line hands down."""

    world: World
    flags: Flags


def command(name: str, *shared: str) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a function into a command: it gets an Invocation first, then its own options.

    `shared` names the shared flags that the command takes besides its own.
    """

    def decorate(function: Callable[..., int | None]) -> click.Command:
        @wraps(function)
        @click.pass_obj
        def run(outer: Outer, /, **given: Any) -> int | None:
            flags = Flags(**{flag: given.pop(flag) for flag in shared})
            return function(Invocation(outer.world, flags.over(outer.flags)), **given)

        return click.command(name)(share(run, *shared))

    return decorate


def share(function: Callable[..., Any], *flags: str) -> Callable[..., Any]:
    """Add shared flags behind the function's own options."""
    # Click puts the option that is added last in front, so the function's own are taken off and put back.
    own = function.__dict__.pop("__click_params__", [])
    for flag in reversed(flags):
        function = OPTIONS[flag](function)
    function.__dict__.setdefault("__click_params__", []).extend(own)
    return function


class InOrder(click.Group):
    """A group that lists its commands in the order in which they are met."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, as they were added."""
        return list(self.commands)


def group(name: str, text: str) -> click.Group:
    """A command of commands; by itself it prints its help. The commands are added to what comes back."""

    @click.group(name, cls=InOrder, invoke_without_command=True, help=text)
    @click.pass_context
    def alone(ctx: click.Context) -> None:
        if ctx.invoked_subcommand is None:
            ctx.obj.world.stdout.write(ctx.get_help() + "\n")

    return alone
