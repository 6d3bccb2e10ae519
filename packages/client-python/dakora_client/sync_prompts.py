# Generated from prompts.py by generate_sync.py: change that file, then run this one.

"""`dakora.prompts`: what a program does with prompts."""

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from dakora_client import _label_operations, _operations
from dakora_client.diff_types import Diff
from dakora_client.sync_prompt_runs import PromptRunsSync
from dakora_client.types import (
    InputSpec,
    Label,
    LabelMove,
    Message,
    ModelSettings,
    Prompt,
    PromptSummary,
    PromptVersion,
    RenderResult,
    ValidationReport,
)


class PromptsSync(PromptRunsSync):
    """The prompts of one project.

    Every method takes `timeout`, the seconds it may take in all, in place of the client's own.
    """

    def list(
        self,
        *,
        search: str | None = None,
        tag: str | None = None,
        folder: str | None = None,
        label: str | None = None,
        timeout: float | None = None,
    ) -> builtins.list[str]:
        """The ids of all prompts, or of those that match every filter given, in order.

        `search` looks in ids and descriptions; `folder` includes those below it. `timeout` is for each page of 200.
        """
        found = self.iter(search=search, tag=tag, folder=folder, label=label, timeout=timeout)
        return [prompt.id for prompt in found]

    def iter(
        self,
        *,
        search: str | None = None,
        tag: str | None = None,
        folder: str | None = None,
        label: str | None = None,
        timeout: float | None = None,
    ) -> Iterator[PromptSummary]:
        """The prompts themselves, without their text, one after the other; pages are fetched as they are needed.

        `search` looks in ids and descriptions; `folder` includes those below it. `timeout` is for each page of 200.
        """
        cursor = None
        while True:
            call = _operations.list_prompts(search=search, tag=tag, folder=folder, label=label, cursor=cursor)
            page = self._sender.send(call, timeout)
            yield from page.items
            cursor = page.after(cursor)
            if cursor is None:
                return

    def get(
        self,
        prompt_id: str,
        *,
        version: int | str | None = None,
        label: str | None = None,
        timeout: float | None = None,
    ) -> Prompt:
        """One version of a prompt: the newest, or the one named by number, semver or label.

        The answer is kept with its ETag and asked about again the next time, so it is never stale.

        Raises:
            NotFoundError: there is no such prompt, version or label.
        """
        call = _operations.get_prompt(prompt_id, version=version, label=label)
        return self._sender.send(call, timeout)

    def create(
        self,
        prompt_id: str,
        template: str | None = None,
        *,
        messages: Sequence[Message] | None = None,
        inputs: Mapping[str, InputSpec] | None = None,
        description: str | None = None,
        version: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        model: ModelSettings | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        response_schema: Mapping[str, Any] | None = None,
        folder: str | None = None,
        message: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Prompt:
        """Save the first version of a prompt, from a text `template` or from chat `messages`.

        `version` is a semver, 1.0.0 if left out. `message` says why, for the history. With an `idempotency_key` of
        your own, calls of several programs or runs are done once; without one, so are the repeats of this call.

        Raises:
            ConflictError: the id is taken, whatever the case of its letters, or belongs to an archived prompt.
            TemplateInvalidError: the template is not acceptable; `.errors` names every fault with its line.
        """
        fields = {
            "version": version,
            "description": description,
            "template": template,
            "messages": messages,
            "inputs": inputs,
            "model": model,
            "tools": tools,
            "response_schema": response_schema,
            "metadata": metadata,
            "folder": folder,
            "message": message,
        }
        call = _operations.create_prompt(prompt_id, fields, idempotency_key=idempotency_key)
        return self._sender.send(call, timeout)

    def update(
        self,
        prompt_id: str,
        template: str | None = None,
        *,
        messages: Sequence[Message] | None = None,
        inputs: Mapping[str, InputSpec] | None = None,
        description: str | None = None,
        version: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        model: ModelSettings | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        response_schema: Mapping[str, Any] | None = None,
        folder: str | None = None,
        message: str | None = None,
        if_match: Prompt | str | None = None,
        timeout: float | None = None,
    ) -> Prompt:
        """Save a new version of a prompt. The same content again changes nothing.

        What is given is the whole of the new version: a field left out is not in it, so to change one field begin
        with `prompt.content()`. Only `folder` stays as it was. With `if_match` (a prompt as it was read, or its ETag)
        nothing is saved if somebody else saved in the meantime.

        Raises:
            NotFoundError: there is no such prompt.
            PreconditionFailed: the prompt is no longer the one in `if_match`.
            TemplateInvalidError: the template is not acceptable, or `version` is not higher than the newest one.
        """
        fields = {
            "version": version,
            "description": description,
            "template": template,
            "messages": messages,
            "inputs": inputs,
            "model": model,
            "tools": tools,
            "response_schema": response_schema,
            "metadata": metadata,
            "folder": folder,
            "message": message,
        }
        return self._sender.send(_operations.save_prompt(prompt_id, fields, if_match=if_match), timeout)

    def delete(
        self,
        prompt_id: str,
        *,
        if_match: Prompt | str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Archive a prompt. For 30 days `restore` brings it back.

        With `if_match` (a prompt as it was read, or its ETag) it stays if somebody else saved in the meantime.

        Raises:
            NotFoundError: there is no such prompt.
            PreconditionFailed: the prompt is no longer the one in `if_match`.
        """
        self._sender.send(_operations.delete_prompt(prompt_id, if_match=if_match), timeout)

    def restore(self, prompt_id: str, *, timeout: float | None = None) -> Prompt:
        """Bring an archived prompt back as it was. Restoring one that is not archived changes nothing.

        Raises:
            NotFoundError: there is no such prompt, or it was archived too long ago.
        """
        return self._sender.send(_operations.restore_prompt(prompt_id), timeout)

    def render(
        self,
        prompt_id: str,
        inputs: Mapping[str, object] | None = None,
        *,
        version: int | str | None = None,
        label: str | None = None,
        resolve_includes_only: bool = False,
        timeout: float | None = None,
    ) -> RenderResult:
        """Fill a prompt with inputs and return the text.

        Without `version` or `label` the newest version is rendered; the result says which one it was.
        `resolve_includes_only` expands includes and leaves every other tag as it stands.

        Raises:
            NotFoundError: there is no such prompt, version or label.
            InvalidInputsError: inputs are missing, unknown or of the wrong type; `.errors` names them all.
            RenderError: the template failed with these inputs, or went past a limit.
        """
        call = _operations.render_prompt(
            prompt_id,
            inputs,
            version=version,
            label=label,
            resolve_includes_only=resolve_includes_only,
        )
        return self._sender.send(call, timeout)

    def validate(
        self,
        template: str | None = None,
        *,
        messages: Sequence[Message] | None = None,
        declared_variables: Mapping[str, InputSpec] | Iterable[str] | None = None,
        inputs: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> ValidationReport:
        """Check a template without saving it. What is wrong with it is in the report, not raised.

        With `declared_variables` (names, or inputs with their types) the report also says which are missing or unused;
        with `inputs` it has a `preview` of what the template renders to.
        """
        call = _operations.validate_template(
            template, messages=messages, declared_variables=declared_variables, inputs=inputs
        )
        return self._sender.send(call, timeout)

    def versions(self, prompt_id: str, *, timeout: float | None = None) -> builtins.list[PromptVersion]:
        """The whole history of a prompt, newest first. `timeout` is for each page of 200.

        Raises:
            NotFoundError: there is no such prompt.
        """
        history: builtins.list[PromptVersion] = []
        cursor = None
        while True:
            page = self._sender.send(_operations.list_versions(prompt_id, cursor=cursor), timeout)
            history.extend(page.items)
            cursor = page.after(cursor)
            if cursor is None:
                return history

    def diff(
        self,
        prompt_id: str,
        older: int,
        newer: int,
        *,
        timeout: float | None = None,
    ) -> Diff:
        """What changed from version number `older` to `newer`, field by field.

        Raises:
            NotFoundError: there is no such prompt or version.
        """
        return self._sender.send(_operations.diff_versions(prompt_id, older, newer), timeout)

    def rollback(
        self,
        prompt_id: str,
        version: int | str,
        *,
        message: str | None = None,
        timeout: float | None = None,
    ) -> Prompt:
        """Make a new version with the content of an older one, named by number or semver.

        Raises:
            NotFoundError: there is no such prompt or version.
        """
        return self._sender.send(_operations.rollback_prompt(prompt_id, version, message=message), timeout)

    def move(self, prompt_id: str, project_id: str, *, timeout: float | None = None) -> Prompt:
        """Move a prompt with all its versions to another project of the same workspace. No API key may.

        Raises:
            NotFoundError: there is no such prompt or project.
            ConflictError: the other project has a prompt with this id.
            PermissionDenied: you may not write in both projects.
        """
        return self._sender.send(_operations.move_prompt(prompt_id, project_id), timeout)

    def labels(self, prompt_id: str, *, timeout: float | None = None) -> builtins.list[Label]:
        """The prompt's labels in order of name; the automatic `latest` is not among them.

        Raises:
            NotFoundError: there is no such prompt.
        """
        page = self._sender.send(_label_operations.list_labels(prompt_id), timeout)
        return builtins.list(page.items)

    def get_label(self, prompt_id: str, label: str, *, timeout: float | None = None) -> Label:
        """Where one label points, with the ETag that `set_label` takes.

        Raises:
            NotFoundError: there is no such prompt or label.
        """
        return self._sender.send(_label_operations.get_label(prompt_id, label), timeout)

    def set_label(
        self,
        prompt_id: str,
        label: str,
        version: int | str,
        *,
        message: str | None = None,
        if_match: Label | str | None = None,
        timeout: float | None = None,
    ) -> Label:
        """Let a label point to a version, named by number or semver; a new label is made.

        `message` says why, for the history. With `if_match` (the label as `get_label` gave it, or its ETag) it moves
        only from where it was then.

        Raises:
            NotFoundError: there is no such prompt or version.
            PreconditionFailed: the label is no longer where `if_match` has it.
            PermissionDenied: the label is protected.
        """
        call = _label_operations.put_label(prompt_id, label, version, message=message, if_match=if_match)
        return self._sender.send(call, timeout)

    def remove_label(
        self,
        prompt_id: str,
        label: str,
        *,
        if_match: Label | str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Let a label point nowhere; its history stays.

        Raises:
            NotFoundError: there is no such prompt or label.
            PreconditionFailed: the label is no longer where `if_match` has it.
            PermissionDenied: the label is protected.
        """
        self._sender.send(_label_operations.delete_label(prompt_id, label, if_match=if_match), timeout)

    def label_history(
        self,
        prompt_id: str,
        label: str,
        *,
        timeout: float | None = None,
    ) -> builtins.list[LabelMove]:
        """Every move of a label, newest first: from where, to where, by whom, when and why.

        Raises:
            NotFoundError: there is no such prompt.
        """
        page_at = partial(_label_operations.list_label_moves, prompt_id, label)
        return list(self._sender.iterate(page_at, timeout))
