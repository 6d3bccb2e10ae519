"""Two hundred thousand random requests, and nobody sees or touches what is another's."""

import contextlib
import io
import logging
import os

import pytest
from isolation_suite.driver import drive
from isolation_suite.operations import GENERATORS
from isolation_suite.requests import Composer, operations_of
from isolation_suite.rows import strangers_in_caches
from isolation_suite.tenants import QUIET
from isolation_suite.tokens import CANARY

REQUESTS = int(os.environ.get("DAKORA_ISOLATION_REQUESTS", "200000"))


@contextlib.contextmanager
def kept_logs():
    """Everything that is logged, as the operator would read it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(stream):
            yield stream
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def test_every_operation_of_the_application_is_tried(app):
    missing = {one.name for one in operations_of(app)} - set(GENERATORS)
    assert not missing, f"write a generator for {sorted(missing)} in suite/operations.py"


@pytest.mark.timeout(1800)
async def test_no_request_shows_or_changes_what_is_anothers(open_scene, seed, capsys):
    with kept_logs() as logged:
        async with open_scene(log_level="info") as scene:
            tenants = scene.tenants
            before = scene.rows().digest(tenants, QUIET)
            composer = Composer(scene.app, tenants, warm=0.8)
            run = await drive([scene.app], tenants, composer, REQUESTS, seed=seed)
            in_memory = strangers_in_caches(scene.platform, tenants)
            await scene.world.access._uses.write()
            rows = scene.rows()
    with capsys.disabled():
        print(f"\n{run}")
    run.refuse(run.leaks)
    run.refuse(run.failures)
    run.refuse(tenants.owners.late_strangers())
    run.refuse(in_memory)
    run.refuse(rows.strangers(tenants))
    assert rows.digest(tenants, QUIET) == before, run
    assert CANARY not in logged.getvalue(), run
    assert logged.getvalue().count("\n") >= run.sent
    never = {name for name in GENERATORS if not any(run.statuses[name, status] for status in range(200, 300))}
    assert not never, f"never succeeded: {never}, {run}"
