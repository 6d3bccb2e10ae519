"""Save, compare, roll back: a prompt's life from a program."""

import uuid

from dakora_client import DakoraSync, PreconditionFailed

PROMPT = f"tagline-{uuid.uuid4().hex[:8]}"

with DakoraSync() as dakora:
    first = dakora.prompts.create(
        PROMPT,
        template="A tagline for {{ product }}.",
        inputs={"product": {"type": "string", "required": True}},
        message="First idea",
    )
    second = dakora.prompts.update(
        PROMPT,
        template="A tagline of at most six words for {{ product }}.",
        inputs={"product": {"type": "string", "required": True}},
        message="Shorter",
        if_match=first,
    )
    print(f"version {second.version_number} is {second.version}")
    try:
        dakora.prompts.update(PROMPT, template="Lost?", if_match=first)
    except PreconditionFailed as error:
        print(f"refused: {error.detail}")
    for change in dakora.prompts.diff(PROMPT, 1, 2).changes:
        print(f"{change.field}: {change.op}")
    third = dakora.prompts.rollback(PROMPT, 1)
    print(f"version {third.version_number} says again: {third.template}")
    dakora.prompts.delete(PROMPT)
