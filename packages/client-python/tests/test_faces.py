"""Two faces, one client."""

import inspect
import json
import re
import runpy
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

import dakora_client
from dakora_client import Dakora, DakoraSync
from dakora_client.api_keys import ApiKeys
from dakora_client.audit import Audit
from dakora_client.executions import Executions
from dakora_client.labels import Labels
from dakora_client.models import Models
from dakora_client.parts import Parts
from dakora_client.projects import Projects
from dakora_client.prompt_runs import PromptRuns
from dakora_client.prompts import Prompts
from dakora_client.sync_api_keys import ApiKeysSync
from dakora_client.sync_audit import AuditSync
from dakora_client.sync_executions import ExecutionsSync
from dakora_client.sync_labels import LabelsSync
from dakora_client.sync_models import ModelsSync
from dakora_client.sync_parts import PartsSync
from dakora_client.sync_projects import ProjectsSync
from dakora_client.sync_prompt_runs import PromptRunsSync
from dakora_client.sync_prompts import PromptsSync
from dakora_client.sync_workspaces import WorkspacesSync
from dakora_client.workspaces import Workspaces

ROOT = Path(__file__).parent.parent
PAIRS = [
    (Dakora, DakoraSync),
    (Prompts, PromptsSync),
    (Parts, PartsSync),
    (Labels, LabelsSync),
    (ApiKeys, ApiKeysSync),
    (Workspaces, WorkspacesSync),
    (Projects, ProjectsSync),
    (Audit, AuditSync),
    (Executions, ExecutionsSync),
    (PromptRuns, PromptRunsSync),
    (Models, ModelsSync),
]


def surface(kind):
    return {name: item for name, item in vars(kind).items() if inspect.isfunction(item) and not name.startswith("_")}


@pytest.mark.parametrize(("awaiting", "blocking"), PAIRS)
def test_both_faces_have_the_same_methods_arguments_and_words(awaiting, blocking):
    one, other = surface(awaiting), surface(blocking)
    assert list(one) == list(other)
    for name in one:
        here, there = inspect.signature(one[name]), inspect.signature(other[name])
        assert here.parameters == there.parameters, name
        assert str(here.return_annotation).replace("AsyncIterator", "Iterator") == str(there.return_annotation), name
        assert one[name].__doc__ == other[name].__doc__, name
        assert one[name].__doc__, name


def test_both_constructors_take_the_same():
    one, other = (inspect.signature(kind).parameters for kind in (Dakora, DakoraSync))
    assert list(one) == list(other)
    assert {name: item.default for name, item in one.items()} == {name: item.default for name, item in other.items()}
    assert Dakora.__init__.__doc__ == DakoraSync.__init__.__doc__


def test_the_blocking_face_does_not_await():
    for _, blocking in PAIRS:
        for name, item in surface(blocking).items():
            assert not inspect.iscoroutinefunction(item), name
    assert inspect.signature(Prompts.iter).return_annotation == AsyncIterator[dakora_client.PromptSummary]
    assert inspect.signature(PromptsSync.iter).return_annotation == Iterator[dakora_client.PromptSummary]


def test_the_blocking_face_is_what_the_generator_writes():
    generator = runpy.run_path(str(ROOT / "generate_sync.py"))
    for source, target in generator["SOURCES"].items():
        written = (ROOT / "dakora_client" / target).read_text(encoding="utf-8")
        assert written == generator["without_await"](source), f"run generate_sync.py: {target} is behind {source}"


def test_the_surface_is_the_one_of_the_contract():
    promised = {
        Prompts: "list iter get create update delete restore render validate versions diff rollback move "
        "labels get_label set_label remove_label label_history",
        Parts: "list iter get create update delete restore usages versions diff rollback",
        Labels: "protected protect unprotect requests iter_requests request get_request comment approve reject "
        "withdraw",
        ApiKeys: "list iter create rotate revoke",
        Workspaces: "list create get rename delete members set_role remove_member hand_over "
        "invite invitations revoke_invitation accept_invitation",
        Projects: "list create get rename delete restore export import_",
        Audit: "list iter",
        PromptRuns: "execute stream compare",
        Models: "list providers set_provider remove_provider budget set_budget",
    }
    for kind, names in promised.items():
        assert set(surface(kind)) == set(names.split()), kind
    assert set(surface(Dakora)) == {"me", "context", "health", "close"}


async def test_both_are_context_managers_that_close():
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json={"status": "ok"}))
    async with Dakora("http://dakora.test", transport=transport) as dakora:
        await dakora.health()
    with pytest.raises(RuntimeError):
        await dakora.health()
    with DakoraSync("http://dakora.test", transport=transport) as blocking:
        blocking.health()
    with pytest.raises(RuntimeError):
        blocking.health()


def test_the_version_is_the_packages():
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert dakora_client.__version__ == packaged


def test_httpx2_is_all_it_depends_on():
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert [requirement.partition(">")[0] for requirement in packaged] == ["httpx2"]


def test_everything_public_is_exported_and_documented():
    for name in dakora_client.__all__:
        found = getattr(dakora_client, name)
        assert name == "__version__" or inspect.getdoc(found), name


def test_every_operation_of_the_contract_has_a_method_and_no_other_has():
    contract = json.loads((ROOT.parents[1] / "openapi.json").read_text(encoding="utf-8"))
    promised = {f"{method.upper()} {path}" for path, item in contract["paths"].items() for method in item}
    # Some of the docstrings name two operations, one below the other.
    written = {
        operation
        for module in (
            dakora_client._operations,
            dakora_client._tenancy_operations,
            dakora_client._label_operations,
            dakora_client._archive_operations,
            dakora_client._execution_operations,
            dakora_client._part_operations,
            dakora_client._run_operations,
        )
        for item in vars(module).values()
        if inspect.isfunction(item) and item.__module__ == module.__name__
        for operation in re.findall(r"\b[A-Z]+ /api/[^\s,]*[^\s,.]", item.__doc__ or "")
    }
    # Not for this client: the orchestrator's question, the identity provider's messages, exporters' spans; and a
    # version is read by `get`.
    others = {
        "POST /api/v1/traces",
        "GET /api/ready",
        "POST /api/webhooks/clerk",
        "GET /api/projects/{project_id}/prompts/{prompt_id}/versions/{number}",
    }
    assert written == promised - others
