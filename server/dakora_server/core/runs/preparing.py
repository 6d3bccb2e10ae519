"""What has to be known before a model is called: the text, the model, the key, and that there is money for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from dakora_server.core.llm.records import Call, Message, OpenProvider
from dakora_server.core.llm.service import Models, open_provider
from dakora_server.core.prices import Price
from dakora_server.core.prompts import rendering
from dakora_server.core.prompts.rendering import Rendered
from dakora_server.core.run_exceptions import MessagesNotRunnable, ModelRequired, ModelUnpriced, ProviderRejected
from dakora_server.core.runs import budget_queries, budgets
from dakora_server.core.runs.budget_records import Budget, Unpriced
from dakora_server.core.runs.records import Order
from dakora_server.core.scope import MODELS, ProjectRunner
from dakora_server.core.templates.rendering import ProjectRenderer

# What a run with a budget may answer with, where nobody says: without an end it could cost anything.
USUAL_TOKENS = 4_096
MOST_TOKENS = 10_000_000
_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
# What decides who is asked, what is sent, or what it costs is not a parameter.
_RESERVED_WORDS = """
    model messages input contents prompt system system_instruction instructions stream stream_options
    tools functions function_call n best_of candidate_count
    response_format output_config output_format response_schema
    extra_body extra_headers extra_query timeout max_retries service_tier prediction web_search_options
    mcp_servers container background store
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
# What providers wrap around messages, tools and schemas is a few tokens for each message, and hundreds for tools.
_FOR_MESSAGE, _FOR_TOOLS = 32, 2_048


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that can begin."""

    rendered: Rendered
    opened: OpenProvider
    call: Call
    budget: Budget
    renderer: ProjectRenderer


async def prepare(project: ProjectRunner, models: Models, order: Order) -> Prepared:
    """Render the prompt, and find its model and the key for it.

    Raises what `rendering.render` and `open_provider` raise, ModelRequired, MessagesNotRunnable, ProviderRejected.
    """
    async with project.reading() as reader:
        rendered = await rendering.render(reader, order.prompt_id, order.inputs, which=order.which)
        renderer = reader.renderer
    spec = rendered.prompt.document.spec
    own = spec.model
    provider = order.provider or (own.provider if own else None)
    name = order.model or (own.name if own else None)
    if provider is None or name is None:
        raise ModelRequired("Neither the version nor the call says on which `model` (provider and name) to run.")
    given: dict[str, Any] = {**(own.parameters if own else {}), **order.parameters}
    call = Call(
        model=name,
        messages=_messages(rendered),
        parameters=_parameters(given),
        tools=spec.tools,
        response_schema=spec.response_schema,
    )

    async def read() -> tuple[OpenProvider, Budget]:
        # A snapshot of its own: one from before could miss a change that we have heard of already.
        async with project.reading() as fresh:
            return await open_provider(fresh, models, provider), await budget_queries.find(fresh)

    opened, budget = await project.kept(MODELS, provider, read)
    return Prepared(rendered, opened, call, budget, renderer)


def _messages(rendered: Rendered) -> list[Message]:
    spec = rendered.prompt.document.spec
    if spec.messages is None:
        return [Message("user", rendered.texts[0])]
    found = [Message(message.role, text) for message, text in zip(spec.messages, rendered.texts, strict=True)]
    if any(message.role == "tool" for message in found):
        raise MessagesNotRunnable(
            "A message of the role `tool` answers a call that was not made: this prompt can be rendered, not run."
        )
    return found


def _parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in given.items() if value is not None}
    wrong = sorted(_RESERVED.intersection(name.lower() for name in kept))
    if wrong:
        raise ProviderRejected(f"These are not parameters of a model: {', '.join(wrong)}.")
    lengths = [name for name in _LENGTHS if name in kept]
    if len(lengths) > 1:
        raise ProviderRejected(f"Say how long the answer may be once: {' or '.join(lengths)}.")
    for name in lengths:
        if type(kept[name]) is not int or not 0 < kept[name] <= MOST_TOKENS:
            raise ProviderRejected(f"The parameter {name} must be a whole number from 1 to {MOST_TOKENS}.")
    return kept


def bounded(prepared: Prepared) -> Call:
    """The call with an end to its answer, where a budget needs one."""
    call = prepared.call
    if any(name in call.parameters for name in _LENGTHS):
        return call
    return Call(
        call.model,
        call.messages,
        {**call.parameters, "max_tokens": USUAL_TOKENS},
        call.tools,
        call.response_schema,
    )


def most_it_costs(call: Call, price: Price) -> Decimal:
    """US dollars that a call cannot exceed: every byte a token, and an answer of full length."""
    sent = sum(len(message.content.encode()) + _FOR_MESSAGE for message in call.messages)
    for extra in (call.tools, call.response_schema):
        if extra is not None:
            sent += len(orjson.dumps(extra)) + _FOR_TOOLS
    answered = next(call.parameters[name] for name in _LENGTHS if name in call.parameters)
    return price.of(sent, answered, 0) if price.cached_input <= price.input else price.of(sent, answered, sent)


async def hold(
    project: ProjectRunner, prepared: Prepared, price: Price | None, run_id: UUID, *, seconds: float
) -> tuple[Call, date | None]:
    """The call as it may be made, and the month whose budget holds its cost; None where nothing limits it.

    Raises ModelUnpriced, BudgetExceeded.
    """
    if prepared.budget.limit_usd is None:
        return prepared.call, None
    if price is None:
        if prepared.budget.unpriced is Unpriced.refuse:
            raise ModelUnpriced(
                f"The project has a budget, and what {prepared.call.model} costs is not known: the operator can name"
                " its price in PRICES_FILE, or an admin can let the budget pass over such models (`unpriced`: `allow`)."
            )
        return prepared.call, None
    call = bounded(prepared)
    async with project.writing() as writer:
        month = await budgets.hold(writer, prepared.budget, run_id, most_it_costs(call, price), seconds=seconds)
    return call, month
