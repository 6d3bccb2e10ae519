"""One life of the server after the other, each ended in its own way, while the writers write."""

import asyncio
import contextlib
import random
import signal
import time
from dataclasses import dataclass, field

from crash_suite.journal import Journal
from crash_suite.line import Line
from crash_suite.site import Site
from crash_suite.steps import STEPS
from crash_suite.writers import Writer

WRITERS = 8
_PATIENCE = 60.0


@dataclass
class Life:
    """How a life ends: at a step of a write, or at any moment, alone or with PostgreSQL; and what it lives through."""

    step: str | None = None
    with_postgres: bool = False
    stops: int = 0


@dataclass
class Havoc:
    """What was done to the platform, and what its writers were told."""

    journal: Journal
    kills: int = 0
    stops: int = 0
    both: int = 0
    steps: list[str] = field(default_factory=list)
    seconds: float = 0.0
    starting: float = 0.0

    def to_text(self) -> str:
        """The figures, for people."""
        journal = self.journal
        return (
            f"{self.kills} kills of the server ({len(self.steps)} at a chosen step), {self.stops} immediate stops of"
            f" PostgreSQL, {self.both} of both; {journal.acknowledged} acknowledged changes, {len(journal.versions)}"
            f" versions, {len(journal.created)} creations under a key with {journal.replays} repeats answered again,"
            f" {journal.lost_answers} requests without an answer, answers {dict(sorted(journal.statuses.items()))};"
            f" {self.seconds:.0f} s, of them {self.starting:.0f} s starting"
        )


def plan(rng: random.Random, *, kills: int, stops: int = 0, both: int = 0, steps: bool = False) -> list[Life]:
    """So many lives in a random order. With `steps`, about half of them end at a step, every one in turn."""
    chosen = [name for name, _ in zip(list(STEPS) * kills, range((kills + 1) // 2 if steps else 0), strict=False)]
    lives = [Life(step=name) for name in chosen]
    lives += [Life() for _ in range(kills - len(chosen))]
    lives += [Life(with_postgres=True) for _ in range(both)]
    undisturbed = [life for life in lives if life.step is None]
    for _ in range(stops):
        rng.choice(undisturbed).stops += 1
    rng.shuffle(lives)
    return lives


async def havoc(line: Line, lives: list[Life]) -> Havoc:
    """Live all these lives, then one more in which the writers finish. The server runs when this ends."""
    site, rng, done = line.site, line.rng, Havoc(line.journal)
    stopping = asyncio.Event()
    began = time.monotonic()
    writers: list[asyncio.Task[None]] = []
    try:
        for life in lives:
            await site.start(life.step, rng.randint(2, 6))
            writers = writers or [asyncio.create_task(Writer(line, who).run(stopping)) for who in range(WRITERS)]
            await _live(site, rng, life, done, writers)
        await site.start()
        stopping.set()
        await asyncio.gather(*writers)
    finally:
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
    done.seconds = time.monotonic() - began
    done.starting = site.starting
    return done


async def _live(site: Site, rng: random.Random, life: Life, done: Havoc, writers: list["asyncio.Task[None]"]) -> None:
    if life.step is not None:
        done.steps.append(life.step)
        try:
            assert await asyncio.wait_for(site.died(), _PATIENCE) == -signal.SIGKILL
        except TimeoutError:
            raise AssertionError(f"nobody came to the step: {life.step}") from None
        done.kills += 1
        return
    for _ in range(life.stops):
        await _work(done.journal, rng, writers)
        site.quit_postgres()
        await site.revive_postgres()
        done.stops += 1
    await _work(done.journal, rng, writers)
    if not life.with_postgres:
        await site.kill()
        done.kills += 1
        return
    first, second = rng.sample(["server", "postgres"], 2)
    for victim in (first, second):
        if victim == "server":
            await site.kill()
        else:
            site.quit_postgres()
    await site.revive_postgres()
    done.both += 1


async def _work(journal: Journal, rng: random.Random, writers: list["asyncio.Task[None]"]) -> None:
    """Until some more changes are acknowledged, and then for a random moment."""
    enough = journal.acknowledged + 6
    deadline = time.monotonic() + _PATIENCE
    while journal.acknowledged < enough:
        for writer in writers:
            if writer.done():
                writer.result()
        assert time.monotonic() < deadline, "the platform takes no changes any more"
        await asyncio.sleep(0.01)
    with contextlib.suppress(TimeoutError):
        await asyncio.sleep(rng.random() * 0.25)
