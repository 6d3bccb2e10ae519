"""`dakora label protect`, and the requests for what is protected: asked, looked at, talked about, decided."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from dakora_cli.changes import shown
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.output import counted, one_line
from dakora_cli.reach import ask
from dakora_cli.screen import ago, show_rows
from dakora_client import Dakora, LabelComment, LabelRequest, ProtectedLabel

_COLUMNS = ("id", "prompt", "label", "from", "to", "status", "asked", "why")
_STATUSES = ("open", "approved", "rejected", "withdrawn")
_request_id = click.argument("request_id", metavar="REQUEST", type=click.UUID)


@command("protect", *REACHING, *SPEAKING)
@click.argument("name", metavar="LABEL")
@click.option("--needs-approval", is_flag=True, help="A second person approves each move.")
def protect(call: Invocation, *, name: str, needs_approval: bool) -> None:
    """Let only admins move a label, in the whole project."""
    made = ask(call, lambda dakora: dakora.labels.protect(name, needs_approval=needs_approval))
    if call.out.as_json:
        call.out.json(asdict(made))
    else:
        call.out.say(f"{made.label}: {_protection(made)}.")


@command("unprotect", *REACHING, *SPEAKING)
@click.argument("name", metavar="LABEL")
def unprotect(call: Invocation, *, name: str) -> None:
    """Let everybody who may write move a label again."""
    ask(call, lambda dakora: dakora.labels.unprotect(name))
    if call.out.as_json:
        call.out.json({"unprotected": name})
    else:
        call.out.say(f"{name} is no longer protected.")


@command("protected", *REACHING, *SPEAKING)
def protected(call: Invocation) -> None:
    """List the protected labels of the project, and who moves them."""
    found = ask(call, lambda dakora: dakora.labels.protected())
    if call.out.as_json:
        call.out.json([asdict(one) for one in found])
        return
    show_rows(call, ("label", "moved by"), [(one.label, _protection(one)) for one in found], gives_way="moved by")
    if not found:
        call.out.say("No label is protected: `dakora label protect production` protects one.")


def _protection(one: ProtectedLabel) -> str:
    return "requests that a second person approves" if one.needs_approval else "admins"


@command("request", *REACHING, *SPEAKING)
@click.argument("prompt_id", metavar="PROMPT")
@click.argument("name", metavar="LABEL")
@click.argument("version")
@click.option("-m", "--message", metavar="TEXT", help="Why, for whoever decides.")
def request(call: Invocation, *, prompt_id: str, name: str, version: str, message: str | None) -> None:
    """Ask for a move of a label to a version, by number or semver, for a second person to approve.

    The request's id alone goes to stdout.
    """

    async def make(dakora: Dakora) -> LabelRequest:
        return await dakora.labels.request(prompt_id, name, version, message=message)

    made = ask(call, make)
    if call.out.as_json:
        call.out.json(_facts(made))
        return
    call.out.line(made.id)
    call.out.say(f"Asked for {_move(made)}. An admin other than you decides: `dakora label approve {made.id}`.")


@command("requests", *REACHING, *SPEAKING)
@click.option("--status", type=click.Choice(_STATUSES), default="open", show_default=True, help="Only these.")
@click.option("--all", "everything", is_flag=True, help="Those that are over, too.")
def requests(call: Invocation, *, status: Any, everything: bool) -> None:
    """List the requests of the project, newest first.

    A table on a terminal; in a pipe one request a line, columns parted by tabs, without a heading.
    """
    found = ask(call, lambda dakora: dakora.labels.requests(status=None if everything else status))
    if call.out.as_json:
        call.out.json([_facts(one) for one in found])
        return
    show_rows(call, _COLUMNS, [_row(call, one) for one in found], gives_way="why")
    if not found:
        which = "no requests" if everything else f"no {status} requests"
        call.out.say(f"There are {which}: `dakora label request PROMPT LABEL VERSION` makes one.")


@command("show", *REACHING, *SPEAKING)
@_request_id
def show(call: Invocation, *, request_id: object) -> None:
    """Print a request: what the move would change, field by field, and what was said about it."""
    found = ask(call, lambda dakora: dakora.labels.get_request(str(request_id)))
    out = call.out
    if out.as_json:
        out.json(asdict(found))
        return
    out.line(f"{_move(found)}: {found.status}", "bold")
    out.line(f"asked by {found.requested_by} {ago(call, found.created_at)}{_why(found)}")
    if found.decided_by is not None:
        out.line(f"{found.status} by {found.decided_by} {ago(call, found.decided_at)}")
    for pieces in shown(found.changes):
        out.pieces(pieces)
    if not found.changes:
        out.line("The label is new: there is nothing to compare with." if found.from_version is None else "No changes.")
    for comment in found.comments:
        out.line(f"{comment.created_by} {ago(call, comment.created_at)}:", "bold")
        for line in comment.text.splitlines():
            out.line(f"  {line}")
    if found.status == "open":
        out.say(f"`dakora label approve {found.id}`, `reject` or `comment`; who asked may `withdraw` it.")


@command("comment", *REACHING, *SPEAKING)
@_request_id
@click.argument("text")
def comment(call: Invocation, *, request_id: object, text: str) -> None:
    """Say something about a request. `-` reads the text from standard input."""
    said_text = call.world.stdin.read() if text == "-" else text

    async def say(dakora: Dakora) -> LabelComment:
        return await dakora.labels.comment(str(request_id), said_text)

    said = ask(call, say)
    if call.out.as_json:
        call.out.json(asdict(said))
    else:
        call.out.say(f"Said: {counted(len(said.text.split()), 'word')}.")


def _decision(name: str, done: str, text: str) -> click.Command:
    """One way to end a request; the client's method has the same name."""

    def decide(call: Invocation, *, request_id: object) -> None:
        decided = ask(call, lambda dakora: _verdict(dakora, name)(str(request_id)))
        if call.out.as_json:
            call.out.json(_facts(decided))
        else:
            call.out.say(f"{done} {_move(decided)}.")

    decide.__doc__ = text
    made: click.Command = command(name, *REACHING, *SPEAKING)(_request_id(decide))
    return made


def _verdict(dakora: Dakora, name: str) -> Callable[[str], Any]:
    found: Callable[[str], Any] = getattr(dakora.labels, name)
    return found


def _move(one: LabelRequest) -> str:
    before = "nowhere" if one.from_version is None else f"version {one.from_version}"
    return f"{one.prompt_id}: {one.label} from {before} to version {one.to_version}"


def _why(one: LabelRequest) -> str:
    return f": {one_line(one.message)}" if one.message else ""


def _facts(one: LabelRequest) -> dict[str, object]:
    """A request without what only `show` knows of it."""
    return {name: value for name, value in asdict(one).items() if name not in {"changes", "comments"}}


def _row(call: Invocation, one: LabelRequest) -> tuple[str, ...]:
    before = "" if one.from_version is None else str(one.from_version)
    places = one.prompt_id, one.label, before, str(one.to_version)
    return one.id, *places, one.status, ago(call, one.created_at), one.message or ""


COMMANDS: tuple[click.Command, ...] = (
    protect,
    unprotect,
    protected,
    request,
    requests,
    show,
    comment,
    _decision(
        "approve",
        "Approved",
        """Approve a request that somebody else made, and so move the label.

        For admins. It is carried out only while the label stands where it stood when the request was made.
        """,
    ),
    _decision("reject", "Rejected", """Reject a request. For admins."""),
    _decision("withdraw", "Withdrawn", """Withdraw a request of your own; an admin withdraws anybody's."""),
)
