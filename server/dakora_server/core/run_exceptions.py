"""How the product says no to what is about runs of prompts; more of `exceptions`."""

from dakora_server.core.exceptions import DakoraError, NotFound


class ExecutionNotFound(NotFound):
    """No such execution in this project, or its time is over."""

    code, title = "execution_not_found", "There is no such execution"


class TracesInvalid(DakoraError):
    """The body is no export of spans that could be read."""

    status, code, title = 400, "traces_invalid", "The spans cannot be read"
