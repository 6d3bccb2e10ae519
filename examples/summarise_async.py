"""Several renders at once with the asynchronous client."""

import asyncio

from dakora_client import Dakora

REPORTS = {
    "an executive": ["Sales rose by 4 % in March.", "The Lyon warehouse opened on 2 April."],
    "a specialist": ["Cache hit rate fell from 0.97 to 0.91 after the deploy."],
}


async def main() -> None:
    async with Dakora() as dakora:
        renders = [
            dakora.prompts.render("summarizer", {"documents": documents, "audience": audience, "max_sentences": "2"})
            for audience, documents in REPORTS.items()
        ]
        for result in await asyncio.gather(*renders):
            print(result.text)
            # "2" was text; the declared type made it a number.
            print(result.inputs["max_sentences"])


asyncio.run(main())
