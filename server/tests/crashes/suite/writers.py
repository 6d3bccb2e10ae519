"""Eight writers who never stop: save, roll back, move labels, archive and restore, and create things exactly once."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import httpx2
from crash_suite.journal import State
from crash_suite.line import PROMPTS, Line
from crash_suite.once import Once

SHARED = [f"shared-{number}" for number in range(4)]
_words = itertools.count(1)


class Writer:
    """One of them. Shared prompts are everybody's; its labels, and one prompt, are its own."""

    def __init__(self, line: Line, who: int) -> None:
        self.line = line
        self.journal = line.journal
        self.rng = line.rng
        self.who = who
        self.label = f"writer-{who}"
        self.own = f"own-{who}"
        self.once = Once(line, who)
        self.turns = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping`; then finish what is in doubt, so that at the end all is known."""
        jobs: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (50, self.save),
            (8, self.roll_back),
            (16, self.move_label),
            (12, self.live_and_die),
            (14, self.once.turn),
        ]
        weights = [weight for weight, _ in jobs]
        while not stopping.is_set():
            self.turns += 1
            await self.rng.choices(jobs, weights)[0][1]()
        await self.once.finish()
        for prompt in SHARED:
            await self.know_label(prompt)
        await self.know_own()

    async def save(self) -> None:
        """A new text for a shared prompt. When no answer comes: half the time the same again, else never mind."""
        prompt = self.rng.choice(SHARED)
        text = f"{self.who} {next(_words)} " + ("{% for x in xs %}{{ x }}{% endfor %}" if self.turns % 5 == 0 else "ö")
        while True:
            answer = await self.line.send("PUT", f"{PROMPTS}/{prompt}", {"template": text})
            if answer is not None and answer.status_code == 404:
                answer = await self.line.send("POST", PROMPTS, {"id": prompt, "template": text})
            if self._kept(answer, text) or self.rng.random() < 0.5:
                return

    def _kept(self, answer: httpx2.Response | None, text: str | None = None) -> bool:
        """Whether a save was acknowledged; then it is written down."""
        if answer is None or answer.status_code == 409:
            return False
        if answer.status_code not in {200, 201}:
            self.journal.wrong.append(f"a save was answered with {answer.status_code} {answer.text}")
            return True
        body = answer.json()
        if text is not None and body["template"] != text:
            self.journal.wrong.append(f"saved {text!r}, answered {body['template']!r}")
        self.journal.saved(body["id"], body["version_number"], body["content_hash"], body["template"])
        return True

    async def roll_back(self) -> None:
        """Back to a version that somebody was told of: it must be there."""
        prompt = self.rng.choice(SHARED)
        newest = self.journal.newest(prompt)
        if newest == 0:
            return
        number = self.rng.choice([one for name, one in self.journal.versions if name == prompt])
        digest, text = self.journal.versions[prompt, number]
        answer = await self.line.send("POST", f"{PROMPTS}/{prompt}/rollback", {"version": number})
        if self._kept(answer, text) and answer is not None and answer.json()["content_hash"] != digest:
            self.journal.wrong.append(f"{prompt} rolled back to {number} has other content")

    async def move_label(self) -> None:
        """Its label of a shared prompt, to a version that somebody was told of."""
        prompt = self.rng.choice(SHARED)
        numbers = [one for name, one in self.journal.versions if name == prompt]
        if not numbers:
            return
        state = await self.know_label(prompt)
        number = self.rng.choice(numbers)
        answer = await self.line.send("PUT", f"{PROMPTS}/{prompt}/labels/{self.label}", {"version": number})
        if answer is None:
            state.doubts.add(number)
        elif answer.status_code == 200:
            self.journal.acknowledged += 1
            state.acknowledge(answer.json()["version_number"])
        else:
            self.journal.wrong.append(f"a move to version {number} was answered with {answer.text}")

    async def know_label(self, prompt: str) -> State:
        """Its label of a prompt, after a look when the last answer was lost: it may not point anywhere else."""
        state = self.journal.labels.setdefault((prompt, self.label), State())
        if state.doubts:
            answer = await self.line.must("GET", f"{PROMPTS}/{prompt}/labels/{self.label}")
            found = None if answer.status_code == 404 else answer.json()["version_number"]
            told, doubts = state.told, set(state.doubts)
            if not state.settle(found):
                self.journal.wrong.append(
                    f"{prompt}: {self.label} points to {found}, was told {told}, in doubt are {doubts}"
                )
        return state

    async def live_and_die(self) -> None:
        """Its own prompt: saved while alive, archived, restored."""
        state = await self.know_own()
        if state.told is None:
            await self._save_own(first=True)
        elif not state.told:
            await self._change_own("POST", f"{PROMPTS}/{self.own}/restore", to=True)
        elif self.rng.random() < 0.5:
            await self._change_own("DELETE", f"{PROMPTS}/{self.own}", to=False)
        else:
            await self._save_own(first=False)

    async def _save_own(self, *, first: bool) -> None:
        text = f"own {next(_words)}"
        if first:
            answer = await self.line.send("POST", PROMPTS, {"id": self.own, "template": text})
        else:
            answer = await self.line.send("PUT", f"{PROMPTS}/{self.own}", {"template": text})
        state = self.journal.alive[self.own]
        if answer is None:
            state.doubts.add(True)
        elif self._kept(answer, text):
            state.acknowledge(True)

    async def _change_own(self, method: str, path: str, *, to: bool) -> None:
        answer = await self.line.send(method, path)
        state = self.journal.alive[self.own]
        if answer is None:
            state.doubts.add(to)
        elif answer.status_code in {200, 204}:
            self.journal.acknowledged += 1
            state.acknowledge(to)
        else:
            self.journal.wrong.append(f"{method} {path}: {answer.status_code} {answer.text}")

    async def know_own(self) -> State:
        """Its own prompt, after a look when the last answer was lost."""
        state = self.journal.alive.setdefault(self.own, State())
        if state.doubts:
            answer = await self.line.must("GET", f"{PROMPTS}/{self.own}")
            found = answer.status_code == 200
            told, doubts = state.told, set(state.doubts)
            # Never made and archived look alike from here.
            if not state.settle(None if told is None and not found else found):
                self.journal.wrong.append(f"{self.own}: alive is {found}, was told {told}, in doubt are {doubts}")
        return state
