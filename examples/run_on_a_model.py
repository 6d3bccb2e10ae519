"""A prompt run on a model: streamed, then on two models at once. MODEL says on which: `openai/gpt-4o-mini`."""

import os

from dakora_client import DakoraSync, RunChoice, RunText

MODELS = os.environ.get("MODEL", "openai/gpt-4o-mini").split(",")

with DakoraSync() as dakora:
    if not dakora.models.providers():
        raise SystemExit("No provider is set up: `dakora provider set openai` takes a key.")
    provider, _, model = MODELS[0].partition("/")

    for event in dakora.prompts.stream("greeting", {"name": "Alice"}, provider=provider, model=model, user="example"):
        if isinstance(event, RunText):
            print(event.text, end="", flush=True)
    print()

    choices = [RunChoice(provider=one.partition("/")[0], model=one.partition("/")[2]) for one in MODELS]
    for run in dakora.prompts.compare("greeting", {"name": "Bob"}, runs=choices):
        if run.result is None:
            print("failed:", run.error)
            continue
        result = run.result
        cost = "price not known" if result.cost_usd is None else f"${result.cost_usd:.6f}"
        print(f"{result.model}: {result.output_tokens} tokens, {cost}, {result.status}")
