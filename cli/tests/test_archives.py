"""A project as a file, from a terminal."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.templates.serialization import parse_yaml


async def test_a_project_is_written_to_a_file_and_read_again(cli, project, user):
    await project.create("p", "one", folder="support")
    await project.save("p", "two")
    said = await cli("export", "out.zip", "--history")
    assert said.code == 0
    assert "Wrote out.zip" in said.err
    with zipfile.ZipFile(user.folder / "out.zip") as archive:
        assert "history/p/1.yaml" in archive.namelist()
        assert parse_yaml(archive.read("prompts/support/p.yaml")).template == "two"
    again = await cli("import", "out.zip")
    assert (again.code, again.out, again.err.strip()) == (0, "", "1 unchanged")
    await project.save("p", "three")
    told = await cli("import", "out.zip", "--dry-run")
    assert told.out == "would be updated p 1.0.3 (prompts/support/p.yaml)\n"
    back = (await cli("import", "out.zip", "--json", "-m", "back")).json
    assert (back["counts"]["updated"], back["prompts"][0]["version_number"]) == (1, 4)


async def test_a_folder_is_zipped_on_the_way_and_faults_are_at_their_files(cli, project, user):
    user.write("prompts/good.yaml", "id: good\ntemplate: x\n")
    user.write("prompts/support/bad.yaml", "id: bad\ntemplate: |\n  Hello\n  {% if %}\n")
    user.write("prompts/.hidden.yaml", "no prompt")
    user.write("prompts/README.md", "# Prompts")
    refused = await cli("import", "prompts")
    assert (refused.code, refused.out) == (1, "")
    assert "prompts/support/bad.yaml:4:9: " in refused.err
    assert "Nothing was saved" in refused.err
    partly = await cli("import", "prompts", "--partial")
    assert partly.code == 1
    assert partly.out == "created good 1.0.0 (good.yaml)\n"
    assert "prompts/support/bad.yaml:4:9: " in partly.err


async def test_the_parts_of_a_folder_are_saved_with_its_prompts(cli, project, user):
    user.write("prompts/parts/tone/polite.yaml", "id: tone/polite\ntemplate: Be polite.\n")
    user.write("prompts/p.yaml", "id: p\ntemplate: '{% include \"tone/polite\" %} Hello'\n")
    said = await cli("import", "prompts")
    assert said.out == "created tone/polite 1.0.0 (parts/tone/polite.yaml)\ncreated p 1.0.0 (p.yaml)\n"
    assert said.err.strip() == "1 created; parts: 1 created"
    await cli("export", "out.zip")
    with zipfile.ZipFile(user.folder / "out.zip") as archive:
        assert parse_yaml(archive.read("parts/tone/polite.yaml"), kind=PartSpec).template == "Be polite."
    user.write("prompts/parts/tone/polite.yaml", "id: tone/other\ntemplate: Be polite.\n")
    refused = await cli("import", "prompts", "--partial")
    assert (refused.code, "prompts/parts/tone/polite.yaml: " in refused.err) == (1, True)
    assert "1 file cannot be saved" in refused.err


async def test_what_is_no_archive_is_said_in_a_sentence(cli, user):
    user.write("notes.txt", "nothing")
    (user.folder / "empty").mkdir()
    assert (await cli("import", "absent.zip")).code == 2
    assert (await cli("import", "empty")).code == 2
    refused = await cli("import", "notes.txt")
    assert (refused.code, "not a zip archive" in refused.err) == (1, True)
    assert (await cli("export", "-", terminal=True)).code == 2


def test_archives_travel_through_pipes(dev_server):
    """In processes of their own: bytes on the real standard streams."""
    command = [str(Path(sys.executable).with_name("dakora")), "--url", dev_server.address]
    out = subprocess.run([*command, "export", "-"], capture_output=True, check=True)
    assert zipfile.ZipFile(io.BytesIO(out.stdout)).testzip() is None
    into = subprocess.run([*command, "import", "-", "--json"], input=out.stdout, capture_output=True, check=True)
    counts = json.loads(into.stdout)["counts"]
    assert counts["unchanged"] == sum(counts.values()) > 0
