"""`audit verify` and `audit head`: whether anybody has changed what was written down, and how to be able to tell."""

import argparse
import asyncio

from dakora_server.config import Settings
from dakora_server.core.audit import service
from dakora_server.core.audit.heads import KeptHeads, kept_heads
from dakora_server.core.audit.service import Head, Verdict
from dakora_server.core.crypto import Secret
from dakora_server.main import registry_of
from dakora_server.operator_access import Misuse, answer, answer_json, data_dir_option, open_database, reachable, remark


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`audit` and what stands below it."""
    verbs = commands.add_parser("audit", help="check the audit trail").add_subparsers(required=True, metavar="VERB")

    verb = verbs.add_parser("verify", help="walk the chain and name the first event that was tampered with")
    verb.add_argument("--kept", action="store_true", help="compare with the heads in the document store as well")
    verb.add_argument("--head", default=None, metavar="SEQ:HASH[:SIGNATURE]", help="a head that was kept elsewhere")
    _add_common(verb)
    verb.set_defaults(run=_verify)

    verb = verbs.add_parser("head", help="print the chain's signed end, to be kept elsewhere")
    _add_common(verb)
    verb.set_defaults(run=_head)


def _add_common(verb: argparse.ArgumentParser) -> None:
    data_dir_option(verb)
    verb.add_argument("--json", action="store_true", help="print JSON")


def _verify(options: argparse.Namespace) -> int:
    with reachable(options.data_dir) as settings:
        try:
            verdict, unsigned = asyncio.run(_verdict(settings, options.head, kept=options.kept))
        except ValueError as error:
            raise Misuse(str(error)) from None
    if unsigned:
        remark(f"{unsigned} kept heads were not signed with SECRET_KEY, nor with the one before it: not compared.")
    if options.json:
        answer_json(_as_json(verdict))
    else:
        _tell(verdict)
    return 0 if verdict.broken is None else 1


async def _verdict(settings: Settings, expected: str | None, *, kept: bool) -> tuple[Verdict, int]:
    """What a walk found, and how many heads in the store were not signed with our secret."""
    secret = Secret(settings.secret, previous=settings.previous_secret)
    heads = await _kept(settings, secret) if kept else KeptHeads()
    async with open_database(settings) as database:
        verdict = await service.verify(database, expected=expected, secret=secret, kept=heads.hashes)
    return verdict, heads.unsigned


async def _kept(settings: Settings, secret: Secret) -> KeptHeads:
    registry = registry_of(settings)
    try:
        return await kept_heads(registry, secret)
    finally:
        registry.close()


def _as_json(verdict: Verdict) -> dict[str, object]:
    broken = verdict.broken
    return {
        "holds": broken is None,
        "events": verdict.events,
        "broken": None if broken is None else {"event": broken.seq, "reason": broken.reason},
        "waiting": verdict.waiting,
        "oldest_waiting": None if verdict.oldest is None else verdict.oldest.isoformat(),
    }


def _tell(verdict: Verdict) -> None:
    if verdict.broken is None:
        answer(f"{_events(verdict.events)} {'holds' if verdict.events == 1 else 'hold'}")
    else:
        answer(f"broken at event {verdict.broken.seq}: {verdict.broken.reason}")
    if verdict.waiting and verdict.oldest is not None:
        since = verdict.oldest.isoformat(timespec="seconds")
        remark(
            f"{_events(verdict.waiting)} without a seal yet, the oldest of {since}: "
            "a running server seals within seconds."
        )


def _events(number: int) -> str:
    return f"{number} event" if number == 1 else f"{number} events"


def _head(options: argparse.Namespace) -> int:
    with reachable(options.data_dir) as settings:
        head = asyncio.run(_signed(settings))
    if options.json:
        answer_json({"seq": head.seq, "hash": head.hash, "signature": head.signature})
    else:
        answer(str(head))
    return 0


async def _signed(settings: Settings) -> Head:
    async with open_database(settings) as database:
        return await service.head(database, Secret(settings.secret))
