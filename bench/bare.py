"""The peer: FastAPI with nothing behind it, on the same server with the same settings. `python -m bench.bare PORT`."""

import json
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import Response
from pydantic import BaseModel

# What a stored prompt looks like on the wire, about 600 bytes.
STATIC = {
    "id": "greeting",
    "folder": "support",
    "version": "1.0.0",
    "version_number": 1,
    "description": "A greeting",
    "template": "Hello {{ name }}!\n{% if message %}{{ message }}{% endif %}\n",
    "inputs": {
        "name": {"type": "string", "required": True},
        "message": {"type": "string", "required": False, "default": "Welcome!"},
    },
    "metadata": {"tags": ["example", "greeting"]},
    "labels": ["latest"],
    "content_hash": "0" * 64,
    "created_by": "00000000-0000-7000-8000-000000000001",
    "created_at": "2026-11-23T00:00:00+00:00",
    "updated_at": "2026-11-23T00:00:00+00:00",
    "portable": True,
}
_BYTES = json.dumps(STATIC).encode()

app = FastAPI()


class Echo(BaseModel):
    """The body of a render."""

    inputs: dict[str, Any]
    version: int | None = None
    label: str | None = None


@app.get("/static")
async def static() -> Any:
    """A dict, as the tutorial has it."""
    return STATIC


@app.get("/bytes")
async def prebuilt() -> Response:
    """The ceiling: bytes made beforehand."""
    return Response(_BYTES, media_type="application/json")


@app.post("/echo")
async def echo(body: Echo) -> Echo:
    """A validated body, sent back."""
    return body


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
