"""What a new project begins with."""

from contextlib import AsyncExitStack
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from dakora_server.core.prompts import part_changes
from dakora_server.core.prompts import service as prompts
from dakora_server.core.scope import ProjectId, ProjectWriter, WorkspaceAdmin
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.templates.serialization import parse_yaml
from dakora_server.core.tenancy import service as projects
from dakora_server.core.tenancy.records import ProjectRecord

_SAMPLE = "A sample to begin with"


@cache
def samples() -> tuple[TemplateSpec, ...]:
    """The prompts that a new project begins with."""
    return _files(resources.files(__package__) / "samples", TemplateSpec)


@cache
def sample_parts() -> tuple[PartSpec, ...]:
    """The parts that those include."""
    found = _files(resources.files(__package__) / "samples" / "parts", PartSpec)
    return tuple(spec for spec in found if isinstance(spec, PartSpec))


def _files(folder: Traversable, kind: type[TemplateSpec]) -> tuple[TemplateSpec, ...]:
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return tuple(parse_yaml(file.read_text(encoding="utf-8"), kind=kind) for file in files)


async def add_samples(project: ProjectWriter) -> None:
    """Fill a new project with what shows how it is done."""
    for part in sample_parts():
        await part_changes.create(project, part, message=_SAMPLE)
    for spec in samples():
        await prompts.create(project, spec, folder="samples", message=_SAMPLE)


async def create_project(workspace: WorkspaceAdmin, *, slug: str, name: str, with_samples: bool) -> ProjectRecord:
    """A new project, with samples if wanted. Raises SlugTaken, TooMany."""
    made = await projects.create_project(workspace, slug=slug, name=name)
    if with_samples:
        async with AsyncExitStack() as held:
            place = Tenant(workspace_id=workspace.workspace_id, project_id=made.id)
            await workspace.tx.speak_for(place)
            await add_samples(workspace.inside(ProjectId(made.id), held))
            await workspace.tx.speak_for(Tenant(workspace_id=workspace.workspace_id))
    return made
