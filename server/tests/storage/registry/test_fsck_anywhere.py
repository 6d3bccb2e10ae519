"""fsck finds and sweeps the same in a cloud as in a folder."""

from datetime import UTC, datetime

from dakora_server.core.prompts.fsck import fsck

LATER = datetime(2100, 1, 1, tzinfo=UTC)


async def test_missing_damaged_and_left_over_documents_are_found_in_a_cloud(served_kind, serve):
    async with serve(served_kind) as served:
        kept, lost, damaged = [(await served.create(name, name)).json() for name in ("kept", "lost", "damaged")]
        assert (await fsck(served.platform.database, served.registry)).is_clean

        await served.registry.sweep(served.project_id, lost["content_hash"], before=LATER)
        await served.put_raw(damaged["content_hash"], b"other bytes")
        await served.put_raw("1" * 64, b"nobody's")
        report = await fsck(served.platform.database, served.registry)
        assert [line.split(" ", 1)[1] for line in report.missing] == ["(lost version 1)"]
        assert [line.split(" ", 1)[1] for line in report.corrupt] == ["(damaged version 1)"]
        assert (report.documents, report.orphans, report.swept) == (3, 1, 0)

        young = await fsck(served.platform.database, served.registry, sweep=True)
        # Everything is older than an hour from now: a grace of minus one lets the fresh orphan go.
        old = await fsck(served.platform.database, served.registry, sweep=True, grace_hours=-1)
        assert (young.swept, old.swept) == (0, 1)
        left = {document.hash async for document in served.registry.walk()}
        assert left == {kept["content_hash"], damaged["content_hash"]}
