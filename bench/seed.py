"""Fill a platform with many prompts, past the API: rows by COPY, documents as files."""

import hashlib
import uuid
from pathlib import Path

import psycopg

from dakora_server.core.storage.database import driver_url
from dakora_server.core.templates.model import parse_spec
from dakora_server.core.templates.serialization import Document
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID, LOCAL_USER

TEMPLATE = """Hello {{ name }}, welcome to the team of {{ company }}.
{% if note %}Please note: {{ note }}{% endif %}
You can answer this message at any time; we read everything within a working day.
"""
DECLARED = {
    "name": {"type": "string", "required": True},
    "company": {"type": "string", "required": True},
    "note": {"type": "string", "required": False, "default": "the office is closed on Monday"},
}
_PLACE = "SEEDEDPROMPT"


def seed(
    database_url: str, registry: Path, count: int, *, prefix: str = "seed", project: uuid.UUID = DEFAULT_PROJECT_ID
) -> list[str]:
    """Add `count` prompts of about 600 bytes on the wire; answers their ids."""
    spec = parse_spec({"id": _PLACE, "template": TEMPLATE, "inputs": DECLARED, "metadata": {"tags": ["seed"]}})
    pattern = Document.of(spec).text
    folder = registry / str(project)
    folder.mkdir(parents=True, exist_ok=True)
    ids = [f"{prefix}-{number:06}" for number in range(count)]
    documents = {}
    for prompt_id in ids:
        text = pattern.replace(_PLACE, prompt_id).encode()
        documents[prompt_id] = hashlib.sha256(text).hexdigest()
        (folder / f"{documents[prompt_id]}.yaml").write_bytes(text)
    inputs = psycopg.types.json.Jsonb(DECLARED)
    with psycopg.connect(driver_url(database_url)) as connection, connection.cursor() as cursor:
        with cursor.copy(
            "COPY prompts (project_id, prompt_id, id_key, folder, head_number, revision, created_by) FROM STDIN"
        ) as copy:
            for prompt_id in ids:
                copy.write_row((project, prompt_id, prompt_id.lower(), "seed", 1, 1, LOCAL_USER.user_id))
        with cursor.copy(
            "COPY versions (project_id, prompt_id, number, semver, content_hash, description, tags, inputs, portable, created_by)"
            " FROM STDIN"
        ) as copy:
            for prompt_id in ids:
                copy.write_row(
                    (
                        project,
                        prompt_id,
                        1,
                        "1.0.0",
                        documents[prompt_id],
                        "",
                        ["seed"],
                        inputs,
                        True,
                        LOCAL_USER.user_id,
                    )
                )
        connection.commit()
        connection.autocommit = True
        cursor.execute("ANALYZE")
    return ids


def second_project(database_url: str) -> uuid.UUID:
    """A project of another workspace that the local user is in, for another caller."""
    project, workspace = uuid.uuid4(), uuid.uuid4()
    with psycopg.connect(driver_url(database_url)) as connection:
        connection.execute(
            "INSERT INTO workspaces (id, slug, name) VALUES (%s, %s, 'Neighbour')", (workspace, f"neighbour-{project}")
        )
        connection.execute(
            "INSERT INTO memberships (workspace_id, user_id, role) VALUES (%s, %s, 'owner')",
            (workspace, LOCAL_USER.user_id),
        )
        connection.execute(
            "INSERT INTO projects (id, workspace_id, slug, name) VALUES (%s, %s, 'neighbour', 'Neighbour')",
            (project, workspace),
        )
    return project
