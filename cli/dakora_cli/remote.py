"""Prompts on their way between the server and a file, and nothing lost on it."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from dakora_cli.planning import Head
from dakora_cli.reach import at_once
from dakora_cli.refusals import Refusal
from dakora_client import Dakora, NotFoundError, Prompt
from dakora_server.core.exceptions import DakoraError
from dakora_server.core.templates.model import TemplateSpec, parse_spec
from dakora_server.core.templates.serialization import Document

_FIELDS = ("id", "description", "template", "messages", "inputs", "model", "tools", "response_schema", "metadata")
# Up to here single questions are quicker than reading the whole list of a large project.
_ONE_BY_ONE = 64


def spec_of(prompt: Prompt) -> TemplateSpec:
    """What a prompt on the server says, ready to be written.

    Raises Refusal when that is not all of it: a newer server may store what this release does not know, and a file
    without it would look complete.
    """
    fields = {name: getattr(prompt, name) for name in _FIELDS}
    # Through JSON, because the client's values refuse to be changed and the model wants plain ones.
    plain = json.loads(json.dumps({name: value for name, value in fields.items() if value is not None}))
    try:
        spec = parse_spec(plain)
    except DakoraError as error:
        raise _strange(prompt) from error
    if Document.of(spec).hash != prompt.content_hash:
        raise _strange(prompt)
    return spec


async def heads_of(dakora: Dakora, *, ids: Sequence[str]) -> dict[str, Head]:
    """What the server has newest of these prompts; those it does not have are left out."""
    if len(ids) > _ONE_BY_ONE:
        wanted = set(ids)
        return {summary.id: summary async for summary in dakora.prompts.iter() if summary.id in wanted}

    async def head(prompt_id: str) -> Prompt | None:
        try:
            return await dakora.prompts.get(prompt_id)
        except NotFoundError as error:
            if error.code != "prompt_not_found":
                raise
            return None

    found = await at_once([partial(head, prompt_id) for prompt_id in ids])
    return {prompt.id: prompt for prompt in found if prompt is not None}


def fields_of(spec: TemplateSpec) -> dict[str, Any]:
    """The content as keyword arguments of the client's `create` and `update`."""
    return {name: value for name, value in spec.content().items() if name != "id"}


def _strange(prompt: Prompt) -> Refusal:
    return Refusal(f"The server's {prompt.id} holds something that this release does not know: update dakora.")
