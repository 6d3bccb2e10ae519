"""A call of a model, in the words of the library that speaks to the providers (decision 26).

Loaded with the first call only: the library and the providers' own take seconds to import.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx2
import orjson
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai import exceptions as failures
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    SystemPromptPart,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.mistral import MistralModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.azure import AzureProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.mistral import MistralProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from dakora_server.core.exceptions import DakoraError
from dakora_server.core.llm.egress import AddressRefusedError
from dakora_server.core.llm.records import Call, Delta, Ended, Kind, Message, OpenProvider, Piece, ToolCall
from dakora_server.core.redaction import redact
from dakora_server.core.run_exceptions import (
    AnswerRefused,
    ModelNotFound,
    ProviderAddressRefused,
    ProviderFailed,
    ProviderInterrupted,
    ProviderKeyRefused,
    ProviderQuotaExceeded,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
)

# What a parameter is called by the library, where a provider's own word for it differs.
_SETTINGS = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "logit_bias": "logit_bias",
    "parallel_tool_calls": "parallel_tool_calls",
    "stop": "stop_sequences",
    "stop_sequences": "stop_sequences",
    "tool_choice": "tool_choice",
}
_TAKES_OTHERS = frozenset({Kind.openai, Kind.azure, Kind.openai_compatible, Kind.anthropic})
_MOST_SAID = 300
# Said outright: left out, the environment of the server could say otherwise.
_OPENAI, _ANTHROPIC = "https://api.openai.com/v1", "https://api.anthropic.com"


def model_of(opened: OpenProvider, name: str, client: httpx2.AsyncClient) -> Model:
    """The library's model for a provider, its key and our way out."""
    provider, key = opened.provider, opened.key
    address = provider.base_url
    # Schemas go out as they were written, and a stream that stops in the middle is not taken for an answer.
    plain = OpenAIModelProfile(json_schema_transformer=None, openai_chat_streaming_requires_finish_reason=True)
    match provider.kind:
        case Kind.openai:
            speaking = AsyncOpenAI(api_key=key, base_url=address or _OPENAI, http_client=client, max_retries=0)
            return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=speaking), profile=plain)
        case Kind.azure:
            azure = AzureProvider(
                azure_endpoint=address, api_version=provider.api_version, api_key=key, http_client=client
            )
            return OpenAIChatModel(name, provider=azure, profile=plain)
        case Kind.openai_compatible:
            # Servers of this kind know the older word; what they make of their control tokens is their own affair,
            # and what was rendered is what is sent.
            plain = plain | OpenAIModelProfile(
                openai_chat_supports_max_completion_tokens=False,
                may_tokenize_special_tokens_in_content=False,
                supports_json_schema_output=True,
            )
            speaking = AsyncOpenAI(api_key=key or "none", base_url=address, http_client=client, max_retries=0)
            other = OpenAICompatibleProvider(provider.name, openai_client=speaking)
            return OpenAIChatModel(name, provider=other, profile=plain)
        case Kind.anthropic:
            claude = AsyncAnthropic(api_key=key, base_url=address or _ANTHROPIC, http_client=client, max_retries=0)
            return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=claude))
        case Kind.google:
            return GoogleModel(name, provider=GoogleProvider(api_key=key, base_url=address, http_client=client))
        case Kind.mistral:
            return MistralModel(name, provider=MistralProvider(api_key=key, base_url=address, http_client=client))


@asynccontextmanager
async def asked(model: Model, kind: Kind, call: Call) -> AsyncIterator[AsyncGenerator[Piece]]:
    """Open the answer's stream, and give its pieces as they come; leaving ends the call.

    Raises, on opening and on reading, a DakoraError for each cause: `run_exceptions` has them.
    """
    settings, parameters = _settings(model, kind, call), _parameters(model, call)
    try:
        async with model.request_stream(_conversation(call.messages), settings, parameters) as stream:
            yield _pieces(stream)
    except DakoraError:
        raise
    except (failures.AgentRunError, failures.UserError, httpx2.HTTPError, ValueError) as failure:
        raise _refusal(failure) from failure


async def _pieces(stream: StreamedResponse) -> AsyncGenerator[Piece]:
    """The answer's text as it comes, then the calls of tools, then the end."""
    try:
        async for event in stream:
            match event:
                case PartStartEvent(part=TextPart(content=text)) if text:
                    yield Delta(text)
                case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
                    yield Delta(text)
                case _:
                    pass
    except (failures.AgentRunError, failures.UserError, httpx2.HTTPError, ValueError) as failure:
        raise _refusal(failure, begun=True) from failure
    answer: ModelResponse = stream.get()
    for part in answer.parts:
        if isinstance(part, ToolCallPart):
            yield ToolCall(part.tool_call_id, part.tool_name, part.args_as_json_str())
    if answer.finish_reason == "content_filter":
        raise AnswerRefused
    if answer.finish_reason == "error" or answer.state != "complete":
        raise ProviderInterrupted
    usage = answer.usage
    told = bool(usage.input_tokens or usage.output_tokens)
    yield Ended(
        "tool_calls" if answer.finish_reason == "tool_call" else answer.finish_reason,
        usage.input_tokens if told else None,
        usage.output_tokens if told else None,
        usage.cache_read_tokens if told else None,
    )


def _conversation(messages: Sequence[Message]) -> list[ModelMessage]:
    history: list[ModelMessage] = []
    for message in messages:
        if message.role == "assistant":
            history.append(ModelResponse(parts=[TextPart(message.content)]))
            continue
        part = SystemPromptPart(message.content) if message.role == "system" else UserPromptPart(message.content)
        last = history[-1] if history else None
        if isinstance(last, ModelRequest):
            last.parts = [*last.parts, part]
        else:
            history.append(ModelRequest(parts=[part]))
    return history


def _settings(model: Model, kind: Kind, call: Call) -> ModelSettings:
    """The parameters in the library's words. What it would leave out goes to the provider as it is, or is refused."""
    known: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in call.parameters.items():
        setting = _SETTINGS.get(name)
        if setting is not None and setting not in model.unsupported_settings:
            known[setting] = value
        else:
            others[name] = value
    if others:
        if kind not in _TAKES_OTHERS:
            wrong = ", ".join(sorted(others))
            raise ProviderRejected(f"These parameters cannot be passed to {kind.value}: {wrong[:_MOST_SAID]}.")
        known["extra_body"] = others
    if isinstance(known.get("stop_sequences"), str):
        known["stop_sequences"] = [known["stop_sequences"]]
    choice = known.get("tool_choice")
    if isinstance(choice, Mapping):
        wanted = choice.get("name") or (choice.get("function") or {}).get("name")
        known["tool_choice"] = [wanted] if wanted else choice.get("type")
    if kind is Kind.azure:
        # The others' clients are made so; to say it with a request makes another client for it.
        known["max_retries"] = 0
    # What is in it, the provider checks.
    return cast("ModelSettings", known)


def _parameters(model: Model, call: Call) -> ModelRequestParameters:
    tools = [_tool(tool) for tool in call.tools or ()]
    if call.response_schema is None or not model.profile.get("supports_json_schema_output", False):
        # A model that takes no schema answers as it does, and its answer is checked all the same.
        return ModelRequestParameters(function_tools=tools)
    schema = dict(call.response_schema)
    title, about = schema.get("title"), schema.get("description")
    wanted = OutputObjectDefinition(
        json_schema=schema,
        name=_word(title) if isinstance(title, str) and _word(title) else "answer",
        description=about if isinstance(about, str) else None,
        strict=_is_strict(schema),
    )
    return ModelRequestParameters(function_tools=tools, output_mode="native", output_object=wanted)


def _is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether a schema is of the kind that OpenAI holds a model to: every property named, and every one required."""
    properties, required = schema.get("properties"), schema.get("required")
    if schema.get("additionalProperties") is not False or not isinstance(properties, Mapping):
        return False
    return isinstance(required, list) and set(properties) == set(required)


def _tool(tool: Mapping[str, Any]) -> ToolDefinition:
    """A tool as OpenAI writes it (`{type, function: {…}}`), as Anthropic does (`input_schema`), or plain."""
    inner = tool.get("function")
    given = inner if isinstance(inner, Mapping) else tool
    name = given.get("name")
    schema = given.get("parameters", given.get("input_schema", {"type": "object", "properties": {}}))
    if not isinstance(name, str) or not name or not isinstance(schema, Mapping):
        raise ProviderRejected("Each of the prompt's tools needs a name, and a JSON Schema as its parameters.")
    about, strict = given.get("description"), given.get("strict")
    return ToolDefinition(
        name=name,
        parameters_json_schema=dict(schema),
        description=about if isinstance(about, str) else None,
        strict=strict if isinstance(strict, bool) else None,
    )


def _word(title: str) -> str:
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_-") else "_" for sign in title)[:64]


# In this order: what comes first decides.
_CAUSES: tuple[tuple[type[Exception], type[DakoraError]], ...] = (
    (failures.ModelQuotaExceededError, ProviderQuotaExceeded),
    (failures.ModelAuthenticationError, ProviderKeyRefused),
    (failures.ContentFilterError, AnswerRefused),
    (failures.ModelTimeoutError, ProviderTimeout),
)


def _refusal(failure: Exception, *, begun: bool = False) -> DakoraError:
    """The error for a cause."""
    if _caused_by(failure, AddressRefusedError):
        return ProviderAddressRefused()
    for kind, error in _CAUSES:
        if isinstance(failure, kind):
            return error()
    status = failure.status_code if isinstance(failure, failures.ModelHTTPError) else 0
    match failure:
        case failures.ModelRateLimitError():
            return ProviderRateLimited.after(failure.retry_after)
        case failures.ModelNotFoundError():
            return ModelNotFound(_said("The provider has no such model", failure))
        case failures.ModelAPIError() if isinstance(failure, failures.ModelRequestRejectedError) or 400 <= status < 500:
            if status in {401, 403}:
                return ProviderKeyRefused()
            return ProviderRejected(_said("The provider refuses the request", failure))
        case failures.UserError():
            return ProviderRejected("The model does not take the prompt's settings, its tools or its schema.")
        case failures.ModelConnectionError() | httpx2.TransportError() if not begun:
            return ProviderUnreachable()
        case failures.ModelAPIError(in_stream=True):
            return ProviderFailed()
        case _:
            return ProviderInterrupted() if begun else ProviderFailed()


def _caused_by(failure: BaseException | None, kind: type[Exception]) -> bool:
    seen = 0
    while failure is not None and seen < 20:
        if isinstance(failure, kind):
            return True
        failure, seen = failure.__cause__ or failure.__context__, seen + 1
    return False


def _said(sentence: str, failure: failures.ModelAPIError) -> str:
    """Our sentence with the provider's own reason: what to change stands only there. Keys in it are taken out."""
    body = failure.body
    if isinstance(body, str):
        try:
            body = orjson.loads(body)
        except ValueError:
            body = None
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    message = inner.get("message") if isinstance(inner, Mapping) else inner
    if not isinstance(message, str) or not message.strip():
        return f"{sentence}."
    plain = " ".join(redact(message).split())
    return f"{sentence}: {plain[:_MOST_SAID]}"
