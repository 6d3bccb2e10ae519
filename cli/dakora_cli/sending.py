"""The order in which a push goes out: parts, what includes them, and at last what is gone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from graphlib import CycleError, TopologicalSorter

from dakora_cli.bases import Base
from dakora_cli.folder import PromptFile
from dakora_cli.options import Invocation
from dakora_cli.output import counted
from dakora_cli.planning import SENDING, Head, Outcome, Plan
from dakora_cli.progress import progress
from dakora_cli.reach import at_once, refusal_of
from dakora_cli.refusals import Problem
from dakora_cli.saving import Saved, Saver
from dakora_client import DakoraError
from dakora_server.core.sync.names import is_part
from dakora_server.core.templates.analysis import analyse
from dakora_server.core.templates.includes import walk_names
from dakora_server.core.templates.limits import Limits

Planned = tuple[PromptFile, Plan]


@contextmanager
def sending(call: Invocation, jobs: int) -> Iterator[Callable[[], None]]:
    """The bar of a push; an error of the server says how far it came. Gives what is called after each job."""
    done = 0

    try:
        with progress(call, "Saving", jobs) as advance:

            def step() -> None:
                nonlocal done
                done += 1
                advance()

            yield step
    except DakoraError as error:
        refusal = refusal_of(error, call.connection)
        refusal.message = f"Stopped after {done} of {counted(jobs, 'file')}: {refusal.message}"
        raise refusal from None


@dataclass(frozen=True, slots=True)
class Sender:
    """Carries out plans, and adds what became of them to `results`."""

    saver: Saver
    results: list[Saved]
    step: Callable[[], None]

    async def parts(self, plans: Sequence[Planned]) -> bool:
        """Save parts, each after those that it includes; answers whether others may follow one now."""
        by_key = {file.key: (file, plan) for file, plan in plans}
        for keys in _generations([file for file, _ in plans]):
            await self.send([by_key[key] for key in keys])
        return any(one.outcome in SENDING for one in self.results)

    async def send(self, plans: Sequence[Planned]) -> None:
        """Save these in any order."""

        async def save(file: PromptFile, plan: Plan) -> None:
            self.results.append(await self.saver.save(file, plan))

        await at_once([partial(save, *entry) for entry in plans], done=self.step)

    def keep(self, plans: Sequence[Planned], heads: Mapping[str, Head], *, before: Mapping[str, Head]) -> None:
        """Note what need not be saved. What had another newest version `before` has followed a part of this push."""
        for file, plan in plans:
            head = heads.get(file.spec.id)
            former = before.get(file.spec.id)
            saved = foreseen(file, plan)
            if plan.outcome is Outcome.UNCHANGED and head is not None:
                if former is not None and former.version_number != head.version_number:
                    saved = self.saver.follow(file, head)
                else:
                    self.saver.origins.note(head, at=file.at, text=file.text)
            self.results.append(saved)

    async def archive(self, gone: Sequence[Base]) -> None:
        """Archive prompts, and then parts; those that others of them include after those others."""
        await self._archive([base for base in gone if not is_part(base.id)])
        left = [base for base in gone if is_part(base.id)]
        while left:
            refused = [base for base in left if not await self._is_archived(base)]
            if len(refused) == len(left):
                await self._archive(refused)
                return
            left = refused

    async def _is_archived(self, base: Base) -> bool:
        saved = await self.saver.archive(base)
        is_done = saved.outcome is Outcome.ARCHIVED
        if is_done:
            self.results.append(saved)
            self.step()
        return is_done

    async def _archive(self, bases: Sequence[Base]) -> None:
        async def archive(base: Base) -> None:
            self.results.append(await self.saver.archive(base))

        await at_once([partial(archive, base) for base in bases], done=self.step)


def foreseen(file: PromptFile, plan: Plan) -> Saved:
    """What is to become of a file, or why nothing is."""
    problems = () if plan.reason is None else (Problem(plan.reason, file.shown, type="conflict"),)
    return Saved(file.spec.id, file.shown, plan.outcome, plan.version, problems)


def _generations(files: Sequence[PromptFile]) -> Iterator[tuple[str, ...]]:
    """The keys of parts in an order in which they can be saved; those of one generation do not need each other."""
    keys = {file.key for file in files}
    order = TopologicalSorter({file.key: keys & _included(file) for file in files})
    try:
        order.prepare()
    except CycleError:
        yield tuple(keys)  # the server says which part would include itself
        return
    while order.is_active():
        generation = order.get_ready()
        yield generation
        order.done(*generation)


def _included(file: PromptFile) -> set[str]:
    found = analyse(file.spec.sources, Limits())
    return {part_id.lower() for _, part_id, _ in walk_names(found.includes)}
