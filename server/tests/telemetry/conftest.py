"""Spans sent by hand, and by OpenTelemetry's own exporter to a server of its own."""

import json
import time

import pytest


class Traces:
    """The endpoint, as an exporter of the default project sees it."""

    def __init__(self, client):
        self.client = client

    async def send(self, *spans, headers=None, resource=None):
        body = {
            "resourceSpans": [
                {
                    "resource": {"attributes": attributes(resource or {"service.name": "shop"})},
                    "scopeSpans": [{"scope": {"name": "by hand"}, "spans": list(spans)}],
                }
            ]
        }
        return await self.raw(json.dumps(body).encode(), headers)

    async def raw(self, body, headers=None):
        given = {"content-type": "application/json", **(headers or {})}
        return await self.client.post("/api/v1/traces", content=body, headers=given)

    async def found(self, **params):
        """The executions, whole."""
        url = "/api/projects/default/executions"
        listed = (await self.client.get(url, params=params)).json()
        return [(await self.client.get(f"{url}/{one['id']}")).json() for one in listed]


def attributes(values):
    return [{"key": key, "value": value_of(value)} for key, value in values.items()]


def value_of(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [value_of(member) for member in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": attributes(value)}}
    return {"stringValue": value}


@pytest.fixture
def traces(client):
    return Traces(client)


_numbers = iter(range(1, 10**9))


@pytest.fixture
def span():
    """A span of a model call, as JSON has it."""

    def made(values=None, *, milliseconds=250, ago=60, **fields):
        began = time.time_ns() - ago * 10**9
        number = next(_numbers)
        usual = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
        }
        return {
            "traceId": f"{time.time_ns():024x}{number:08x}",
            "spanId": f"{number:016x}",
            "name": "chat gpt-4o-mini",
            "startTimeUnixNano": str(began),
            "endTimeUnixNano": str(began + milliseconds * 10**6),
            "attributes": attributes(usual | (values or {})),
            **fields,
        }

    made.attributes = attributes
    return made
