"""The line to a server that may be gone: an answer, or none."""

import asyncio
import random
from typing import Any, Self

import httpx2
from crash_suite.journal import Journal
from crash_suite.site import Site

PROMPTS = "/api/projects/default/prompts"
# Somebody else's change came between, or the same request is still at work.
_TRY_AGAIN = {409}


class Line:
    """Sends requests to whichever server lives at the moment. One for all writers."""

    def __init__(self, site: Site, journal: Journal, rng: random.Random) -> None:
        self.site = site
        self.journal = journal
        self.rng = rng
        # No connection is kept from one life to the next one: each life listens at an address of its own.
        self._client = httpx2.AsyncClient(timeout=20, limits=httpx2.Limits(max_connections=32))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx2.Response | None:
        """The answer; None when none came, or one that says that the change may have happened or not."""
        self.journal.sent[method] += 1
        try:
            answer = await self._client.request(method, self.site.address + path, json=body, headers=headers)
        except httpx2.HTTPError:
            self.journal.lost_answers += 1
            await asyncio.sleep(0.02 + self.rng.random() * 0.08)
            return None
        self.journal.statuses[answer.status_code] += 1
        if answer.status_code >= 500:
            if answer.status_code != 503:
                self.journal.wrong.append(f"{method} {path}: {answer.status_code} {answer.text}")
            await asyncio.sleep(0.02 + self.rng.random() * 0.08)
            return None
        return answer

    async def must(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        """The answer, however often it must be asked for; `409` of a repeated request waits for the first one."""
        while True:
            answer = await self.send(method, path, body, headers)
            if answer is not None and answer.status_code not in _TRY_AGAIN:
                return answer
            await asyncio.sleep(0.01)
