"""Archives, both faces: out of one project, into another."""

import io
import zipfile

import pytest

from dakora_client import DakoraSync, InvalidRequestError


def unpacked(archive):
    """What an archive holds, by path."""
    with zipfile.ZipFile(io.BytesIO(archive)) as unpacking:
        return {name: unpacking.read(name) for name in unpacking.namelist()}


@pytest.fixture
async def two_projects(world, client_of):
    """A client in a project with prompts, and the id of a second project."""
    team = await world.team("admin")
    dakora = await client_of(world.app, token=team.owner.token, project=team.project_id)
    second = await dakora.projects.create(team.id, "Second")
    await dakora.prompts.create("p", "one", folder="support", message="first")
    await dakora.prompts.update("p", "two")
    await dakora.prompts.set_label("p", "production", 1)
    return dakora, second.id


async def test_a_project_is_rebuilt_elsewhere(two_projects):
    dakora, second = two_projects
    archive = await dakora.projects.export(history=True)
    planned = await dakora.projects.import_(archive, second, dry_run=True)
    assert (planned.dry_run, planned.counts["created"]) == (True, 1)
    report = await dakora.projects.import_(archive, second)
    (prompt,) = report.prompts
    assert (prompt.path, prompt.id, prompt.outcome, prompt.version_number) == (
        "prompts/support/p.yaml",
        "p",
        "created",
        2,
    )
    (label,) = report.labels
    assert (label.prompt, label.label, label.outcome, label.version_number) == ("p", "production", "moved", 1)
    assert unpacked(await dakora.projects.export(second, history=True)).items() >= unpacked(archive).items()
    again = await dakora.projects.import_(archive, second)
    assert again.counts == {"created": 0, "updated": 0, "restored": 0, "unchanged": 1, "refused": 0}


async def test_what_is_wrong_is_named_with_file_line_and_column(two_projects):
    dakora, _ = two_projects
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as packing:
        packing.writestr("good.yaml", "id: good\ntemplate: x\n")
        packing.writestr("bad.yaml", "id: bad\ntemplate: |\n  {{ x\n")
    with pytest.raises(InvalidRequestError) as refused:
        await dakora.projects.import_(packed.getvalue())
    assert refused.value.code == "import_refused"
    (fault,) = refused.value.errors
    assert (fault.loc[0], fault.line) == ("bad.yaml", 3)
    partly = await dakora.projects.import_(packed.getvalue(), partial=True, message="what can be")
    assert {one.path: one.outcome for one in partly.prompts} == {"bad.yaml": "refused", "good.yaml": "created"}
    assert partly.prompts[0].errors[0].line == 3
    with pytest.raises(InvalidRequestError) as none:
        await dakora.projects.import_(b"no zip")
    assert none.value.code == "archive_invalid"


async def test_parts_travel_with_the_prompts_that_include_them(two_projects):
    dakora, second = two_projects
    await dakora.parts.create("tone/polite", "Be polite.")
    await dakora.prompts.create("q", '{% include "tone/polite" %} Hello')
    archive = await dakora.projects.export()
    report = await dakora.projects.import_(archive, second)
    (part,) = report.parts
    assert (part.path, part.id, part.outcome, part.version) == (
        "parts/tone/polite.yaml",
        "tone/polite",
        "created",
        "1.0.0",
    )
    assert (report.part_counts["created"], report.counts["created"]) == (1, 2)
    again = await dakora.projects.import_(archive, second)
    assert (again.part_counts["unchanged"], again.counts["unchanged"]) == (1, 2)


def test_the_blocking_face_does_the_same(dev_server):
    with DakoraSync(dev_server.address) as dakora:
        archive = dakora.projects.export()
        report = dakora.projects.import_(archive, dry_run=True)
    assert report.counts["unchanged"] == len(report.prompts) > 0
