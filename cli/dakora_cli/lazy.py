"""Code that is loaded when it is first needed.

`dakora --help` answers in the time it takes to load Typer. The HTTP client, Pydantic, YAML and rich each take as long
again, so what stands on them is named here as text, `package.module:name`, and imported by the command that runs.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def load(target: str) -> Any:
    """The object that `package.module:name` names."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def on_call(target: str) -> Callable[..., Any]:
    """A function that loads `target` when it is called, and calls it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return load(target)(*args, **kwargs)

    return call
