"""`dakora`: the root of the command line, and the one place where a failure becomes a sentence and an exit code."""

import errno
import os
import sys
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import get_completion_class, shell_complete

from dakora_cli import __version__
from dakora_cli.lazy import load
from dakora_cli.options import REACHING, SPEAKING, Flags, InOrder, Outer, share
from dakora_cli.output import Output
from dakora_cli.refusals import Exit, Refusal, WrongUse
from dakora_cli.world import World, real_world

# Name, where it lives, and its line in `dakora --help`, which is also the first line of its own help.
COMMANDS = {
    "dev": ("dakora_cli.dev:dev", "Run the whole platform on this machine, in the foreground."),
    "init": ("dakora_cli.init:init", "Make a folder ready: prompts/ with an example, .env, .gitignore."),
    "link": ("dakora_cli.link:link", "Remember a server for later commands, and for the SDKs."),
    "whoami": ("dakora_cli.whoami:whoami", "Print who you are to the server, and where you work."),
    "version": ("dakora_cli.version:version", "Print this command's version and the server's."),
    "list": ("dakora_cli.list:list_prompts", "List the prompts of the project."),
    "show": ("dakora_cli.show:show", "Print a prompt."),
    "render": ("dakora_cli.render:render", "Fill a prompt with inputs and print the text."),
    "run": ("dakora_cli.run:run", "Run a prompt on a model and print the answer as it comes."),
    "compare": (
        "dakora_cli.compare:compare",
        "Run a prompt on several models, or in several versions, and show the answers below each other.",
    ),
    "models": (
        "dakora_cli.models:models",
        "List the models that prompts can be run on, with US dollars for a million tokens.",
    ),
    "provider": (
        "dakora_cli.provider:provider",
        "Set up the providers of models: their keys, and where they are.",
    ),
    "budget": (
        "dakora_cli.budget:budget",
        "Say what the project may spend on runs in a month, and what is spent.",
    ),
    "label": ("dakora_cli.label:label", "Say which version a label points to, and move it."),
    "part": ("dakora_cli.part:part", "Keep the texts that prompts share, and see who uses them."),
    "logs": ("dakora_cli.logs:logs", "List recorded runs, newest first; with an ID, everything about one."),
    "stats": ("dakora_cli.stats:stats", "Say what runs came to: how many, tokens, cost, latency."),
    "push": ("dakora_cli.push:push", "Save the prompts and parts of a folder on the server."),
    "pull": (
        "dakora_cli.pull:pull",
        "Bring the server's prompts and parts into a folder, merged with what was edited there.",
    ),
    "sync": ("dakora_cli.sync:sync", "Bring a folder and the server in step: pull, then push."),
    "lock": ("dakora_cli.lock:lock", "Write down which versions a folder is made of."),
    "diff": ("dakora_cli.diff:diff", "Show how a folder differs from the server."),
    "export": ("dakora_cli.export:export", "Write the whole project into one archive."),
    "import": ("dakora_cli.import_:import_", "Save the prompts and parts of an archive on the server."),
    "validate": ("dakora_cli.validate:validate", "Check files with prompts and parts without a server."),
    "keys": ("dakora_cli.keys:keys", "Make, rotate and revoke the project's API keys."),
    "projects": ("dakora_cli.projects:projects", "List the projects you can work in."),
    "members": ("dakora_cli.members:members", "List who is in the workspace."),
    "invite": ("dakora_cli.invite:invite", "Invite somebody into the workspace."),
    "audit": ("dakora_cli.audit:audit", "List what was done in the project, newest first."),
}
_COMPLETE = "_DAKORA_COMPLETE"


class Deferred(click.Command):
    """A command that is known by name and help until it is called; only then its module is loaded."""

    def __init__(self, name: str, target: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self._target = target

    def loaded(self) -> click.Command:
        """The command itself."""
        found: click.Command = load(self._target)
        return found

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the loaded command: everything else is asked of that."""
        return self.loaded().make_context(info_name, args, parent=parent, **extra)


def _root(ctx: click.Context, *, version: bool, completion: str | None, **flags: Any) -> None:
    """Prompts as files in your repository, as versions on a server, as text in your program.

    Begin with `dakora init` and `dakora dev`. Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 the server could
    not be reached.
    """
    outer: Outer = ctx.obj
    outer.flags = Flags(**flags)
    if ctx.invoked_subcommand is not None:
        return
    if completion is not None:
        text = _completion_script(ctx.command, completion)
    else:
        text = f"dakora {__version__}" if version else ctx.get_help()
    outer.world.stdout.write(text + "\n")


def build() -> click.Group:
    """The command line."""
    root = share(click.pass_context(_root), *REACHING, *SPEAKING)
    shells = click.Choice(["bash", "zsh", "fish"])
    root = click.option("--completion", type=shells, help="Print the completion script for a shell.")(root)
    root = click.option("--version", is_flag=True, help="Print the version and exit.")(root)
    group = click.group("dakora", cls=InOrder, invoke_without_command=True)(root)
    for name, (target, summary) in COMMANDS.items():
        group.add_command(Deferred(name, target, summary))
    return group


def _completion_script(group: click.Command, shell: str) -> str:
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - the choice names those that Click knows
    return kind(group, {}, "dakora", _COMPLETE).source()


def run(arguments: Sequence[str], world: World) -> int:
    """Run one command line in `world`; the exit code. Never raises for a failure of a command."""
    # Before the flags are read, the words themselves say how errors are wanted.
    out = Output(world, as_json="--json" in arguments, colour="--no-color" not in arguments)
    try:
        code = _run(arguments, world)
        out.flush()
    except Refusal as refusal:
        out.refuse(refusal)
        return refusal.exit_code
    except click.ClickException as wrong:
        out.refuse(WrongUse(_sentence(wrong)))
        return Exit.WRONG_USE
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except OSError as error:
        if error.errno == errno.EPIPE:
            return Exit.READER_GONE
        out.refuse(Refusal(_reason(error)))
        return Exit.NO
    except Exception as error:
        # Protects the user from a traceback.
        if world.env.get("DAKORA_DEBUG"):
            raise
        out.refuse(_Bug(f"dakora itself failed ({type(error).__name__}: {error}). DAKORA_DEBUG=1 shows where."))
        return Exit.BUG
    return code


def _run(arguments: Sequence[str], world: World) -> int:
    group, outer = build(), Outer(world, Flags())
    if instruction := world.env.get(_COMPLETE):
        return shell_complete(group, {"obj": outer}, "dakora", _COMPLETE, instruction)
    try:
        # What Click's own `main` does, without its way of failing.
        with group.make_context("dakora", list(arguments), obj=outer) as context:
            return int(group.invoke(context) or Exit.DONE)
    except click.exceptions.Exit as end:
        return end.exit_code


class _Bug(Refusal):
    exit_code = Exit.BUG


def _sentence(wrong: click.ClickException) -> str:
    """What Click has to say, in one line, with the way to the help."""
    said = " ".join(wrong.format_message().split())
    stop = "" if said.endswith((".", "?", "!", ")")) else "."
    context = wrong.ctx if isinstance(wrong, click.UsageError) else None
    path = context.command_path if context is not None else "dakora"
    return f"{said}{stop} See `{path} --help`."


def _reason(error: OSError) -> str:
    """An error of the operating system, with the file it is about."""
    about = f"{error.filename}: " if error.filename else ""
    return f"{about}{error.strerror or error}."


def main() -> int:
    """The console script."""
    code = run(sys.argv[1:], real_world())
    if code == Exit.READER_GONE:
        # Python would try to flush once more at exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
