"""What can be run: the models of a project's providers, with what they cost."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from dakora_server.core.exceptions import DakoraError
from dakora_server.core.llm.records import Kind, OpenProvider, Provider
from dakora_server.core.llm.service import Models, open_provider, providers_of
from dakora_server.core.prices import Price, Prices
from dakora_server.core.scope import ProjectReader

_MOST_FOUND = 500


@dataclass(frozen=True, slots=True)
class RunnableModel:
    """A model that `execute` can run; `price` None where it is not known."""

    provider: str
    name: str
    price: Price | None


async def runnable(project: ProjectReader, models: Models, prices: Prices) -> list[RunnableModel]:
    """Every model that is known to be there: those that the provider was set up with, or else the public list's.

    A server of one's own, that nothing is known of, is asked.
    """
    found = await providers_of(project, models)
    opened = [await _opened(project, models, provider) for provider in found]
    # No transaction waits for servers elsewhere.
    await project.tx.rest()
    if not prices.is_loaded:
        await asyncio.to_thread(prices.load)
    names = await asyncio.gather(*(_names(models, prices, one) for one in opened))
    return [
        RunnableModel(one.provider.name, name, prices.price_of(priced_as(one.provider), name))
        for one, own in zip(opened, names, strict=True)
        for name in own
    ]


def priced_as(provider: Provider) -> str:
    """Whose prices hold: the kind's, or those of whoever a compatible provider is named after."""
    return provider.name if provider.kind is Kind.openai_compatible else provider.kind.value


async def _opened(project: ProjectReader, models: Models, provider: Provider) -> OpenProvider:
    if provider.models or provider.kind is not Kind.openai_compatible:
        return OpenProvider(provider, None)
    try:
        return await open_provider(project, models, provider.name)
    except DakoraError:
        return OpenProvider(provider, None)


async def _names(models: Models, prices: Prices, opened: OpenProvider) -> Sequence[str]:
    provider = opened.provider
    if provider.models:
        return provider.models
    if provider.kind is Kind.openai_compatible:
        return (await models.found_at(opened))[:_MOST_FOUND] or prices.models_of(provider.name)
    return prices.models_of(provider.kind.value)
