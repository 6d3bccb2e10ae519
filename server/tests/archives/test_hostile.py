"""Archives that want to hurt: bombs, ways out of the folder, lies about themselves. All are refused, quickly."""

import io
import os
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib

import pytest

from dakora_server.core.archives.layout import layout_of
from dakora_server.core.archives.zips import ArchiveLimits, open_archive
from dakora_server.core.exceptions import ArchiveInvalid

from .conftest import packed

PROMPT = "id: p\ntemplate: x\n"
MIB = 1024 * 1024
LIMITS = ArchiveLimits(bytes=4 * MIB, files=1_000)


def entry(path="p.yaml", text=PROMPT, **attributes):
    """An archive with one entry that is told something odd."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", attributes.pop("method", zipfile.ZIP_DEFLATED)) as packing:
        info = zipfile.ZipInfo(path)
        info.compress_type = packing.compression
        for name, value in attributes.items():
            setattr(info, name, value)
        packing.writestr(info, text)
    return body.getvalue()


def patched(body, signature, offset, form, value):
    """The archive with one field of every header of a kind overwritten."""
    found, raw = 0, bytearray(body)
    while (found := raw.find(signature, found)) >= 0:
        struct.pack_into(form, raw, found + offset, value)
        found += 4
    return bytes(raw)


def central(body, offset, form, value):
    return patched(body, b"PK\x01\x02", offset, form, value)


def end(body, offset, form, value):
    return patched(body, b"PK\x05\x06", offset, form, value)


def overlapping(times=500):
    """One packed megabyte that as many entries claim as theirs (the bomb of Fifield, without nesting)."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = deflate.compress(b" " * MIB) + deflate.flush()
    crc = zlib.crc32(b" " * MIB)
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 33, crc, len(raw), MIB, 6, 0) + b"a.yaml" + raw
    listed = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, crc, len(raw), 10_000, 10, 0, 0, 0, 0, 0, 0)
        + f"a{n:04}.yaml".encode()
        for n in range(times)
    )
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, times, times, len(listed), len(local), 0)
    return local + listed + tail


def many(count):
    """So many empty entries; the list of files is all there is."""
    return packed({f"{n:07}.yaml": "" for n in range(count)})


def miscounted(count):
    """So many entries that the end of the archive calls one."""
    body = many(count)
    return end(end(body, 8, "<H", 1), 10, "<H", 1)


def tar_gz():
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as packing:
        info = tarfile.TarInfo("p.yaml")
        info.size = len(PROMPT)
        packing.addfile(info, io.BytesIO(PROMPT.encode()))
    return body.getvalue()


def twice():
    """Two files of one path: each of two readers may take another one."""
    body = packed({"p.yaml": PROMPT, "q.yaml": PROMPT})
    return body.replace(b"q.yaml", b"p.yaml")


GOOD = packed({"p.yaml": PROMPT})
UNSAFE = [
    "../p.yaml",
    "a/../../p.yaml",
    "/etc/p.yaml",
    "//host/p.yaml",
    "C:/p.yaml",
    "c:p.yaml",
    "a\\..\\p.yaml",
    "..\\p.yaml",
    "a//p.yaml",
    "./p.yaml",
    "a/./p.yaml",
    "p\n.yaml",
    "p\x7f.yaml",
    "a/" * 600 + "p.yaml",
]
BOMBS = {
    "nothing": b"",
    "text": b"id: p\ntemplate: x\n" * 1000,
    "gzip": zlib.compress(b"x" * MIB),
    "tar.gz": tar_gz(),
    "only an end": GOOD[-22:],
    "cut short": GOOD[:-5],
    "something before it": b"#!/bin/sh\n" + GOOD,
    "something after it": GOOD + b"x",
    "two in a row": GOOD + GOOD[:-22] + end(GOOD, 16, "<L", 0)[-22:],
    **{f"path {n}": entry(path) for n, path in enumerate(UNSAFE)},
    "a path with NUL": patched(entry("p_.yaml"), b"p_.yaml", 1, "<B", 0),
    "a path that is no text": central(central(GOOD, 8, "<H", 0x800), 46, "<B", 0xFF),
    "a symbolic link": entry(text="/etc/passwd", external_attr=(stat.S_IFLNK | 0o777) << 16),
    "a device": entry(external_attr=(stat.S_IFCHR | 0o666) << 16),
    "a pipe": entry(external_attr=(stat.S_IFIFO | 0o666) << 16),
    "a folder that is a file": entry(external_attr=(stat.S_IFDIR | 0o777) << 16),
    "encrypted": central(GOOD, 8, "<H", 0x1),
    "strongly encrypted": central(GOOD, 8, "<H", 0x41),
    "bzip2": entry(method=zipfile.ZIP_BZIP2),
    "lzma": entry(method=zipfile.ZIP_LZMA),
    "deflate64": central(GOOD, 10, "<H", 9),
    "the same path twice": twice(),
    "paths that differ in case": packed({"p.yaml": PROMPT, "P.yaml": PROMPT}),
    "too many files": many(50_001),
    "files beyond what the end counts": miscounted(20),
    "many files beyond what the end counts": miscounted(30_000),
    "zip64": end(GOOD, 10, "<H", 0xFFFF),
    "an archive inside": packed({"p.yaml": PROMPT, "inner.zip": GOOD}),
    "an archive called YAML": packed({"p.yaml": GOOD}),
    "a program": packed({"p.py": "print()"}),
    "one large file": packed({"p.yaml": b" " * (MIB + 1)}),
    "1:1000": packed({f"{n}.yaml": b" " * MIB for n in range(20)}),
    "overlapping": overlapping(),
    "a size that is a lie": central(patched(GOOD, b"PK\x03\x04", 22, "<L", 3), 24, "<L", 3),
    "a checksum that is a lie": central(patched(GOOD, b"PK\x03\x04", 14, "<L", 1), 16, "<L", 1),
    "an offset beyond the end": central(GOOD, 42, "<L", 0x7FFFFFFF),
    "another name inside": patched(GOOD, b"PK\x03\x04", 30, "<B", ord("q")),
    "a damaged stream": GOOD.replace(zlib.compress(PROMPT.encode(), 9)[2:-4][:4], b"\xff\xff\xff\xff", 1),
    "YAML with aliases": packed({"p.yaml": "id: p\ntemplate: x\nmetadata: &a {b: 1}\ninputs: *a\n"}),
    "a billion laughs": packed(
        {"p.yaml": "a: &a [x]\n" + "".join(f"{n}: &{n} [*a,*a,*a]\n" for n in "bcdefghij") + "id: p\ntemplate: x\n"}
    ),
    "YAML with tags": packed({"p.yaml": "id: !!python/object/apply:os.system [id]\ntemplate: x\n"}),
    "deep YAML": packed({"p.yaml": "id: p\ntemplate: x\nmetadata: " + "[" * 10_000}),
    "a long scalar": packed({"p.yaml": "id: p\ntemplate: '" + "x" * 900_000 + "'\n"}),
    "a manifest of another age": packed({"project.yaml": "dakora: 99\n", "prompts/p.yaml": PROMPT}),
    "a stranger in an export": packed({"project.yaml": "dakora: 1\n", "other/x.yaml": "a: 1\n"}),
    "a history with a gap": packed(
        {
            "project.yaml": "dakora: 1\n",
            "prompts/p.yaml": PROMPT,
            "history/p/versions-1.yaml": "versions:\n- number: 2\n  version: 1.0.0\n"
            f"  created_at: '2026-01-01T00:00:00+00:00'\n  content_hash: {'0' * 64}\n",
        }
    ),
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_hostile_archive_is_refused_and_nothing_is_saved(project, bring, name):
    answer = await bring(BOMBS[name])
    assert answer.status_code == 422, f"{name}: {answer.status_code} {answer.text[:300]}"
    assert answer.json()["code"] in {"archive_invalid", "import_refused"}, name
    assert (await project.client.get(project.prompts)).json() == []


def test_there_are_as_many_as_were_promised():
    assert len(BOMBS) >= 40


# In a process of its own, so that what earlier tests took is not counted; the sum of all is what one would notice.
_CHILD = """
import io, json, resource, sys, time
from dakora_server.core.archives.layout import layout_of
from dakora_server.core.archives.zips import ArchiveLimits, open_archive
from dakora_server.core.exceptions import ArchiveInvalid
limits = ArchiveLimits()
open_archive(open(sys.argv[1], "rb"), limits)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        try:
            layout_of(open_archive(file, limits))
        except ArchiveInvalid:
            continue
        raise SystemExit(path)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_bombs_take_no_memory(tmp_path):
    (tmp_path / "good.zip").write_bytes(GOOD)
    bombs = {
        "ratio": packed({f"{n}.yaml": b" " * MIB for n in range(300)}),
        "overlap": overlapping(60_000),
        "miscounted": miscounted(60_000),
        "many": many(60_000),
    }
    for name, body in bombs.items():
        (tmp_path / name).write_bytes(body)
    paths = [str(tmp_path / name) for name in ("good.zip", *bombs)]
    done = subprocess.run([sys.executable, "-c", _CHILD, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) * (1 if sys.platform == "darwin" else 1024) < 32 * MIB


def test_what_is_allowed_is_taken():
    for files in ({"p.yaml": PROMPT}, {f"{n}.yaml": PROMPT for n in range(1_000)}, {"deep/" * 8 + "p.yml": PROMPT}):
        assert len(layout_of(open_archive(io.BytesIO(packed(files)), LIMITS)).prompts) == len(files)
    with pytest.raises(ArchiveInvalid, match="more than 1,000 files"):
        open_archive(io.BytesIO(many(1_001)), LIMITS)


def test_a_small_archive_cannot_become_a_large_one_by_counting_its_bytes_twice():
    with pytest.raises(ArchiveInvalid, match="overlap"):
        open_archive(io.BytesIO(overlapping(10)), LIMITS)


def test_a_comment_and_folders_do_no_harm():
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as packing:
        packing.comment = b"made by hand PK\x05\x07"
        packing.mkdir("prompts")
        packing.writestr("prompts/p.yaml", PROMPT)
    assert layout_of(open_archive(body, LIMITS)).prompts == (("prompts/p.yaml", ""),)


async def test_a_body_that_is_too_large_is_not_read(project):
    answer = await project.client.post(
        f"/api/projects/{project.id}/import",
        content=b"PK" + os.urandom(1000),
        headers={"content-type": "application/zip", "content-length": str(10**12)},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.headers["connection"] == "close"


async def test_a_body_that_grows_too_large_on_the_way_is_cut_off(project, app):
    usual, app.state.archive_limits = app.state.archive_limits, ArchiveLimits(bytes=MIB)
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65536

    try:
        answer = await project.client.post(
            f"/api/projects/{project.id}/import", content=endless(), headers={"content-type": "application/zip"}
        )
    finally:
        app.state.archive_limits = usual
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert sent < 100


async def test_other_types_of_body_are_refused_here_and_archives_elsewhere(project):
    answer = await project.client.post(f"/api/projects/{project.id}/import", json={"a": 1})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    answer = await project.client.post(project.prompts, content=GOOD, headers={"content-type": "application/zip"})
    assert answer.status_code == 415
