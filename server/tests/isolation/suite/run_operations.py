"""Generators for runs on models, their providers and budgets. The provider on loopback gives back what it is sent."""

from isolation_suite.calls import Draw, Said
from isolation_suite.operations import generates
from isolation_suite.tenants import ADDRESS, PROMPTS

NAMES = ("local", "mine", "openai")


def _choice(draw: Draw) -> dict[str, object]:
    # Mostly what can be run: it is what comes of a run that could be another's.
    name = draw.rng.choice(("openai", "openai", "openai", "openai", *NAMES, "absent"))
    model = draw.rng.choice(("echo", "gpt-4o-mini", "gpt-4o-mini", "gpt-4o-mini"))
    parameters = {"max_tokens": 10, "canary": draw.canary}
    return {
        "version": draw.rng.choice((None, None, None, 1)),
        "model": {"provider": name, "name": model, "parameters": parameters},
    }


def _asked(draw: Draw) -> dict[str, object]:
    return {"inputs": {"name": draw.canary}, "user": draw.canary, "metadata": {"canary": draw.canary}}


@generates("execute_prompt")
def execute_prompt(draw: Draw) -> Said:
    prompt_id = draw.rng.choice(("greeting", "greeting", *PROMPTS))
    stream = draw.rng.choice((None, None, "true"))
    return Said(ids={"prompt_id": prompt_id}, body=_asked(draw) | _choice(draw), query={"stream": stream})


@generates("compare_prompt")
def compare_prompt(draw: Draw) -> Said:
    return Said(body=_asked(draw) | {"runs": [_choice(draw) for _ in range(draw.rng.randint(1, 2))]})


@generates("set_provider")
def set_provider(draw: Draw) -> Said:
    name = draw.rng.choice(NAMES)
    body = {
        "kind": "openai" if name == "openai" else "openai_compatible",
        "base_url": ADDRESS["url"],
        "api_key": f"sk-{draw.canary}",
        "models": [f"model-{draw.canary}"],
    }
    if draw.rng.random() < 0.2:
        del body["api_key"]
    return Said(ids={"provider": name}, body=body)


@generates("delete_provider")
def delete_provider(draw: Draw) -> Said:
    return Said(ids={"provider": draw.rng.choice(NAMES[1:])})


@generates("list_providers", "list_models", "get_budget")
def plain(draw: Draw) -> Said:
    return Said()


@generates("change_budget")
def change_budget(draw: Draw) -> Said:
    limit = draw.rng.choice((None, *[1000] * 8, 0.00001))
    return Said(body={"limit_usd": limit, "unpriced": draw.rng.choice(("allow", "allow", "allow", "refuse"))})
