"""How the product says no to what is about runs of prompts; more of `exceptions`."""

from dakora_server.core.exceptions import DakoraError, NotFound


class ExecutionNotFound(NotFound):
    """No such execution in this project, or its time is over."""

    code, title = "execution_not_found", "There is no such execution"


class TracesInvalid(DakoraError):
    """The body is no export of spans that could be read."""

    status, code, title = 400, "traces_invalid", "The spans cannot be read"


class ProviderNotFound(NotFound):
    """The project has set up no provider of that name."""

    code, title = "provider_not_found", "There is no such provider"


class ProviderNotConfigured(DakoraError):
    """Nothing says how to reach the provider that the prompt, or the call, names: it needs an API key first."""

    status, code, title = 409, "provider_not_configured", "The provider is not set up"


class ProviderKeysUnavailable(DakoraError):
    """The server has no master key, so it keeps no keys of providers: `SECRET_KEY` or `MASTER_KEY_FILE` is not set."""

    status, code, title = 409, "provider_keys_unavailable", "This server keeps no keys of providers"

    def __init__(self) -> None:
        super().__init__("This server keeps no keys of providers: its operator sets SECRET_KEY or MASTER_KEY_FILE.")


class ProviderKeyUnreadable(DakoraError):
    """The provider's key was sealed with a master key that the server no longer has: set it again."""

    status, code, title = 409, "provider_key_unreadable", "The key of the provider cannot be read any more"


class ProviderAddressRefused(DakoraError):
    """The provider's address is not https, or not public (see `PROVIDER_PRIVATE_HOSTS`)."""

    status, code, title = 422, "provider_address_refused", "The address of the provider is not allowed"


class ModelRequired(DakoraError):
    """Neither the version nor the call says on which model to run."""

    status, code, title = 422, "model_required", "There is no model to run on"


class MessagesNotRunnable(DakoraError):
    """The prompt's messages cannot be sent to a model: one has the role `tool`, which answers a call there was not."""

    status, code, title = 422, "messages_not_runnable", "The messages cannot be sent to a model"


class ModelNotFound(DakoraError):
    """The provider does not know the model, or the key may not use it."""

    status, code, title = 422, "model_not_found", "The provider has no such model"


class ProviderRejected(DakoraError):
    """The provider refuses the request as it is: a parameter, a tool, the schema, or a prompt that is too long."""

    status, code, title = 422, "provider_rejected", "The provider refuses the request"


class AnswerRefused(DakoraError):
    """The provider's content filter stopped the prompt or the answer."""

    status, code, title = 422, "answer_refused", "The provider's filter stopped the answer"


class BudgetExceeded(DakoraError):
    """The run could cost more than is left of the project's budget for the month."""

    status, code, title = 402, "budget_exceeded", "The project's budget for this month does not allow the run"


class ModelUnpriced(DakoraError):
    """The project has a budget, and what the model costs is not known."""

    status, code, title = 422, "model_unpriced", "The price of the model is not known"


class ProviderKeyRefused(DakoraError):
    """The provider does not accept the key that is set up."""

    status, code, title = 502, "provider_key_refused", "The provider does not accept the key"


class ProviderQuotaExceeded(DakoraError):
    """The account at the provider has no quota or credit left."""

    status, code, title = 502, "provider_quota_exceeded", "The account at the provider has nothing left"


class ProviderFailed(DakoraError):
    """The provider answered with a failure of its own, also when asked again."""

    status, code, title = 502, "provider_failed", "The provider failed"


class ProviderUnreachable(DakoraError):
    """The provider could not be reached."""

    status, code, title = 502, "provider_unreachable", "The provider could not be reached"


class ProviderInterrupted(DakoraError):
    """The provider's answer broke off in the middle."""

    status, code, title = 502, "provider_interrupted", "The answer broke off"


class ProviderRateLimited(DakoraError):
    """The provider takes no more requests for now, also when asked again."""

    status, code, title = 503, "provider_rate_limited", "The provider takes no more requests for now"
    retry_after = 1

    @classmethod
    def after(cls, seconds: float | None) -> "ProviderRateLimited":
        """With the time that the provider asks for."""
        error = cls()
        if seconds is not None:
            error.retry_after = max(1, min(3600, round(seconds)))
        return error


class ProviderTimeout(DakoraError):
    """The answer did not come in time."""

    status, code, title = 504, "provider_timeout", "The answer did not come in time"
