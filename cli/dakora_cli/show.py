"""`dakora show`."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.output import age
from dakora_cli.reach import ask
from dakora_cli.remote import spec_of
from dakora_cli.selection import prompt_id_argument, refuse_both, version_options
from dakora_cli.yaml_view import show_yaml
from dakora_client import Prompt
from dakora_server.core.templates.serialization import to_yaml


@command("show", *REACHING, *SPEAKING)
@prompt_id_argument
@version_options
@click.option("--yaml", is_flag=True, help="Print only the YAML, as in a pipe.")
def show(call: Invocation, *, prompt_id: str, version: str | None, label: str | None, yaml: bool) -> None:
    """Print a prompt.

    It is printed as the YAML file that `dakora pull` would write.
    """
    refuse_both(version, label)
    prompt, out = ask(call, lambda dakora: dakora.prompts.get(prompt_id, version=version, label=label)), call.out
    if out.as_json:
        out.json({name: value for name, value in asdict(prompt).items() if name != "etag"})
        return
    text = to_yaml(spec_of(prompt), version=prompt.version)
    if yaml or not out.to_terminal:
        out.write(text)
        return
    out.say(_about(prompt, call.world.now()), "dim")
    show_yaml(call, text)


def _about(prompt: Prompt, now: datetime) -> str:
    facts: list[Any] = [f"{prompt.id} {prompt.version} (version {prompt.version_number})"]
    facts += [f"folder {prompt.folder}"] if prompt.folder else []
    facts += [f"labels {', '.join(prompt.labels)}"] if prompt.labels else []
    facts += [age(prompt.updated_at, now)] if prompt.updated_at else []
    facts += [f"“{prompt.message}”"] if prompt.message else []
    return ", ".join(facts)
