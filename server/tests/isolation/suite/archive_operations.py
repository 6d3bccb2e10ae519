"""Generators for whole projects as archives, out and in."""

import io
import zipfile
from typing import Any

from isolation_suite.calls import Draw, Said
from isolation_suite.operations import generates
from isolation_suite.tenants import DRAFTS, LABELS, NEW_PARTS, PARTS, PROMPTS, SAME, STEADY, content_of, part_of

from dakora_server.core.templates.model import TemplateSpec, parse_spec
from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.templates.serialization import Document, to_yaml


def unpacked(body: bytes) -> bytes:
    """An answer's text; of an archive, everything in it."""
    if not body.startswith(b"PK"):
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return b"\n".join(part for info in archive.infolist() for part in (info.filename.encode(), archive.read(info)))


def archive(files: dict[str, str]) -> bytes:
    """A zip with these files, as they are."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_STORED) as packing:
        for path, text in files.items():
            packing.writestr(path, text)
    return body.getvalue()


@generates("export_project")
def export_project(draw: Draw) -> Said:
    return Said(query={"history": "true"} if draw.rng.random() < 0.5 else {})


@generates("import_project")
def import_project(draw: Draw) -> Said:
    """Some prompts and parts, with a past or without; packed so that a search of the request finds the texts."""
    movable = not (draw.own and draw.caller.is_key)
    ids = draw.rng.sample(PROMPTS if movable else (*STEADY, *DRAFTS), draw.rng.randint(1, 3))
    files: dict[str, str] = {"project.yaml": "dakora: 1\n"}
    for prompt_id in ids:
        files |= _prompt(draw, prompt_id)
    if draw.rng.random() < 0.5:
        files |= _part(draw, draw.rng.choice((*PARTS, *NEW_PARTS)))
    query: dict[str, Any] = {"partial": draw.rng.choice(("true", "false"))}
    if draw.rng.random() < 0.2:
        query["dry_run"] = "true"
    if SAME not in ids:
        query["message"] = f"Brought {draw.text_of(ids[0])}" if len(ids) == 1 else None
    return Said(raw=archive(files), headers={"content-type": "application/zip"}, query=query)


def _prompt(draw: Draw, prompt_id: str) -> dict[str, str]:
    canary = draw.text_of(prompt_id)
    folder = "" if prompt_id == SAME else f"same/{canary}/"
    turns = [draw.rng.randint(0, 5) for _ in range(draw.rng.randint(1, 2))]
    specs = [parse_spec({"id": prompt_id, **content_of(prompt_id, canary, turn)}) for turn in turns]
    newest = specs[-1]
    files = {f"prompts/{folder}{prompt_id}.yaml": to_yaml(newest, version="1.0.0")}
    if draw.rng.random() < 0.7:
        hashes = Document.of(newest).hash
        label = draw.rng.choice(LABELS)
        files[f"history/{prompt_id}/labels.yaml"] = f"{label}:\n  number: 1\n  content_hash: {hashes}\n"
    if len(specs) > 1:
        files |= _history(f"history/{prompt_id}", specs)
    return files


def _part(draw: Draw, part_id: str) -> dict[str, str]:
    turns = [draw.rng.randint(0, 5) for _ in range(draw.rng.randint(1, 2))]
    specs = [_part_spec(part_id, part_of(part_id, draw.canary, turn)) for turn in turns]
    files = {f"parts/{part_id}.yaml": to_yaml(specs[-1], version="1.0.0")}
    return files | _history(f"parts-history/{part_id}", specs) if len(specs) > 1 else files


def _part_spec(part_id: str, content: dict[str, Any]) -> TemplateSpec:
    return parse_spec(
        {"id": part_id} | {name: value for name, value in content.items() if name != "message"}, kind=PartSpec
    )


def _history(place: str, specs: list[TemplateSpec]) -> dict[str, str]:
    files = {}
    page = ["versions:"]
    for number, spec in enumerate(specs, 1):
        files[f"{place}/{number}.yaml"] = to_yaml(spec, version=f"1.0.{number}")
        page += [f"- number: {number}", f"  version: 1.0.{number}", "  created_at: '2026-01-01T00:00:00+00:00'"]
        page += [f"  content_hash: {Document.of(spec).hash}"]
    return files | {f"{place}/versions-1.yaml": "\n".join(page) + "\n"}
