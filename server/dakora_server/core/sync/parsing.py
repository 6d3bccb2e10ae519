"""What a file of the folder says: in `parts/` it is a part, anywhere else a prompt."""

from dakora_server.core.exceptions import Fault, TemplateInvalid
from dakora_server.core.sync.names import lies_with_parts, part_id_of
from dakora_server.core.sync.positions import in_file
from dakora_server.core.templates.model import MAX_SOURCE_BYTES, TemplateSpec
from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.templates.serialization import parse_yaml


def parse_file(raw: bytes, *, at: str, filename: str, max_source_bytes: int = MAX_SOURCE_BYTES) -> TemplateSpec:
    """The prompt or part in the file at the path `at` in the folder.

    A part's path tells its id; the file may say it too. Raises TemplateInvalid with every fault and its place, also
    for a part that lies in the wrong place.
    """
    if not lies_with_parts(at):
        return parse_yaml(raw, filename=filename, max_source_bytes=max_source_bytes)
    part_id = part_id_of(at)
    if part_id is None:
        message = "A part lies at parts/<category>/<part_id>.yaml, and prompts lie in other folders."
        raise TemplateInvalid(f"{filename}: {message}", errors=[Fault(message, line=1, column=1, type="misplaced")])
    spec = parse_yaml(raw, filename=filename, kind=PartSpec, default_id=part_id, max_source_bytes=max_source_bytes)
    if spec.id != part_id:
        message = f"The id is {spec.id}, but the file lies where {part_id} does: change one, or leave the id out."
        fault = in_file(Fault(message, loc=("id",), type="misplaced"), raw)
        raise TemplateInvalid(f"{filename}: {message}", errors=[fault])
    return spec
