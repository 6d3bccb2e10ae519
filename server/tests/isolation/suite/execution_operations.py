"""Generators for recorded runs: ids are the callers' own, and the same ones in every project."""

import uuid
from datetime import timedelta

from isolation_suite.calls import Draw, Said
from isolation_suite.operations import generates

from dakora_server.core import clock

IDS = [str(uuid.UUID(int=0x7000 << 64 | 0x8000 << 48 | number)) for number in range(1, 9)]
_USERS = ("ada", "bob")


def _model(draw: Draw) -> str:
    return f"model-{draw.canary}"


@generates("record_executions")
def record_executions(draw: Draw) -> Said:
    canary = draw.canary
    runs = [
        {
            "id": draw.rng.choice(IDS),
            "started_at": (clock.now() - timedelta(minutes=draw.rng.randint(0, 5000))).isoformat(),
            "prompt_id": draw.rng.choice(("greeting", f"gone-{canary}")),
            "version_number": draw.rng.choice((None, 1, 2)),
            "provider": "openai",
            "model": _model(draw),
            "status": draw.rng.choice(("ok", "error")),
            "error": {"message": f"Failed for {canary}"},
            "inputs": {"name": canary},
            "output": f"Hello {canary}",
            "input_tokens": draw.rng.randint(0, 100),
            "latency_ms": draw.rng.randint(1, 5000),
            "user": draw.rng.choice(_USERS),
            "session": canary,
            "metadata": {"canary": canary},
        }
        for _ in range(draw.rng.randint(1, 4))
    ]
    return Said(body=runs if draw.rng.random() < 0.8 else runs[0])


@generates("list_executions")
def list_executions(draw: Draw) -> Said:
    user = draw.rng.choice((None, *_USERS))
    model = draw.rng.choice((None, None, _model(draw), f"model-{draw.other().canary}"))
    return Said(query=draw.page(user=user, model=model))


@generates("get_execution")
def get_execution(draw: Draw) -> Said:
    return Said(ids={"execution_id": draw.rng.choice(IDS)})


@generates("erase_executions")
def erase_executions(draw: Draw) -> Said:
    return Said(body={"user": draw.rng.choice(_USERS)})


@generates("get_execution_settings")
def get_execution_settings(draw: Draw) -> Said:
    return Said()


@generates("change_execution_settings")
def change_execution_settings(draw: Draw) -> Said:
    return Said(body={"keep": draw.rng.choice(("full", "full", "redacted")), "retention_days": 365})


@generates("get_stats")
def get_stats(draw: Draw) -> Said:
    groups = draw.rng.choice(("day", "model", "prompt,version", "model,status"))
    model = draw.rng.choice((None, None, f"model-{draw.other().canary}"))
    return Said(query={"group_by": groups, "model": model})


@generates("compare_stats")
def compare_stats(draw: Draw) -> Said:
    return Said(query={"prompt": "greeting", "version": 1, "against": 2})


@generates("export_traces")
def export_traces(draw: Draw) -> Said:
    """Spans go to the key's project, or to the one that a header names."""
    caller, rng = draw.caller, draw.rng
    spot = rng.choice(caller.spots if caller.is_key or rng.random() < 0.7 else draw.tenants.spots)
    canary = spot.canary if spot in caller.spots else caller.canary
    began = int((clock.now() - timedelta(minutes=rng.randint(0, 5000))).timestamp() * 1e9)
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": f"model-{canary}",
        "gen_ai.prompt.name": "greeting",
        "gen_ai.output.messages": f"Hello {canary}",
        "user.id": rng.choice(_USERS),
        "left": canary,
    }
    span = {
        "traceId": f"{rng.randint(1, 99):032x}",
        "spanId": f"{rng.randint(1, 9):016x}",
        "name": f"chat {canary}",
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(began + 10**9),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    return Said(body=body, headers={} if caller.is_key else {"x-dakora-project": spot.id})
