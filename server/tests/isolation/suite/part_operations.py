"""Generators for parts."""

from typing import Any

from isolation_suite.calls import Draw, Said
from isolation_suite.operations import generates, if_match
from isolation_suite.tenants import NEW_PARTS, PARTS, part_of


def _ids(part_id: str) -> dict[str, object]:
    category, _, name = part_id.partition("/")
    return {"category": category, "part_id": name}


def _learn_etag(draw: Draw) -> Any:
    def learn(status: int, headers: dict[bytes, bytes], answer: Any) -> None:
        if status == 200 and draw.own and draw.rng.random() < 0.2:
            draw.here.etags.append(headers[b"etag"].decode())

    return learn


@generates("list_parts")
def list_parts(draw: Draw) -> Said:
    search = draw.rng.choice((None, None, "polite", draw.other().canary))
    return Said(query=draw.page(search=search, category=draw.rng.choice((None, "tone", "absent"))))


@generates("get_part")
def get_part(draw: Draw) -> Said:
    query = draw.rng.choice(({}, {}, {"version": draw.rng.randint(1, 4)}, {"version": "1.0.1"}))
    return Said(query=dict(query), learn=_learn_etag(draw))


@generates("list_part_versions")
def list_part_versions(draw: Draw) -> Said:
    return Said(query=draw.page())


@generates("diff_part_versions")
def diff_part_versions(draw: Draw) -> Said:
    return Said(ids={"number": draw.rng.randint(1, 3), "other": draw.rng.randint(1, 3)})


@generates("list_part_usages")
def list_part_usages(draw: Draw) -> Said:
    return Said()


@generates("create_part")
def create_part(draw: Draw) -> Said:
    part_id = draw.rng.choice(NEW_PARTS if draw.rng.random() < 0.8 else PARTS)
    return Said(body={"id": part_id, **part_of(part_id, draw.canary, draw.rng.randint(0, 5))}, headers=draw.repeat())


@generates("save_part")
def save_part(draw: Draw) -> Said:
    part_id = draw.rng.choice((*PARTS, *NEW_PARTS))
    body = part_of(part_id, draw.canary, draw.rng.randint(0, 5))
    return Said(body=body, headers=if_match(draw), ids=_ids(part_id))


@generates("rollback_part")
def rollback_part(draw: Draw) -> Said:
    return Said(body={"version": draw.rng.randint(1, 2), "message": f"Back {draw.canary}"})


@generates("delete_part")
def delete_part(draw: Draw) -> Said:
    """Of one's own only what nothing includes, so that the others can be saved with on and on."""
    part_id = draw.rng.choice(("tone/loose", *NEW_PARTS) if draw.own else PARTS)
    force = draw.rng.choice((None, "true", "false"))
    return Said(ids=_ids(part_id), query={"force": force}, headers=if_match(draw))


@generates("restore_part")
def restore_part(draw: Draw) -> Said:
    return Said(ids=_ids(draw.rng.choice(("tone/loose", *NEW_PARTS))))
