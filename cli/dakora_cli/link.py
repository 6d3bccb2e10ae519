"""`dakora link`."""

import click

from dakora_cli.connection import Connection, Link, mask, read_key, read_link, read_token, remove_link, write_link
from dakora_cli.options import SPEAKING, Invocation, command
from dakora_cli.reach import ask
from dakora_cli.refusals import Refusal, WrongUse
from dakora_client import Context, Dakora


@command("link", "api_key", "project", *SPEAKING)
@click.argument("url", required=False)
@click.option("--print-env", is_flag=True, help="Print `export` lines for the SDKs.")
@click.option("--remove", is_flag=True, help="Forget the server.")
def link(call: Invocation, *, url: str | None, print_env: bool, remove: bool) -> None:
    """Remember a server for later commands, and for the SDKs.

    The address is tried first. The key is taken from DAKORA_API_KEY, asked for with `--api-key ask`, or read with
    `--api-key -`, so that it stays out of your shell's history. A key knows its project. Without an address the link is
    shown.

    eval "$(dakora link --print-env)" hands it to programs that use an SDK.
    """
    if [url is not None, print_env, remove].count(True) > 1:
        raise WrongUse("Give an address, --print-env or --remove, one of them.")
    if remove:
        _forget(call)
    elif print_env:
        _print_env(call)
    elif url is None:
        _show(call)
    else:
        _remember(call, url)


def _forget(call: Invocation) -> None:
    gone = remove_link(call.world)
    if call.out.as_json:
        call.out.json({"removed": gone})
    else:
        call.out.say("The link is gone." if gone else "There was no link.")


def _print_env(call: Invocation) -> None:
    link = _linked(call)
    if call.out.as_json:
        call.out.json(_json(link))
        return
    if call.out.to_terminal and link.api_key:
        # Nobody evaluates what is on a screen, and others may look at it.
        link = Link(link.url, mask(link.api_key), link.project)
        call.out.say('The key is masked on a terminal. Use: eval "$(dakora link --print-env)"')
    call.out.write(link.exports())


def _show(call: Invocation) -> None:
    link = _linked(call)
    if call.out.as_json:
        call.out.json(_json(link))
        return
    call.out.line(f"url      {link.url}")
    call.out.line(f"project  {link.project or '(the default one)'}")
    call.out.line(f"key      {mask(link.api_key) if link.api_key else '(none)'}")


def _linked(call: Invocation) -> Link:
    link = read_link(call.world)
    if link is None:
        raise Refusal("No server is linked: `dakora link URL` does it.")
    return link


def _remember(call: Invocation, url: str) -> None:
    env, flags = call.world.env, call.flags
    api_key = read_key(call.world, flags.api_key) or env.get("DAKORA_API_KEY") or None
    link = Link(_address(url), api_key, flags.project or env.get("DAKORA_PROJECT") or None)
    if flags.api_key not in {None, "-", "ask"}:
        call.out.warn("the key is in your shell's history now; `--api-key ask` keeps it out.")
    # What is tried is what will be remembered, whatever else the environment says.
    key_from = None if link.api_key is None else "--api-key" if flags.api_key else "DAKORA_API_KEY"
    token = None if link.api_key else read_token(call.world)
    shown_from = "DAKORA_TOKEN" if token else key_from
    call.connection = Connection(link.url, link.api_key, link.project, "the command line", shown_from, token)
    context = ask(call, lambda dakora: _try(dakora, link))
    path = write_link(call.world, link)
    if call.out.as_json:
        call.out.json(_json(link) | {"project_slug": context.project_slug, "user": context.name})
        return
    project = f"project {link.project}" if link.project else f"project {context.project_name}"
    call.out.say(f"Linked to {link.url}, {project}{f', as {context.name}' if context.name else ''} ({path}).")
    call.out.say('For programs that use an SDK: eval "$(dakora link --print-env)"')


async def _try(dakora: Dakora, link: Link) -> Context:
    await dakora.health()
    context = await dakora.context()
    if link.project is not None:
        # Whatever a key's scopes are, it may ask this.
        await dakora.projects.get(link.project)
    return context


def _address(url: str) -> str:
    return url.strip().rstrip("/")


def _json(link: Link) -> dict[str, str | None]:
    return {"url": link.url, "project": link.project, "api_key": mask(link.api_key) if link.api_key else None}
