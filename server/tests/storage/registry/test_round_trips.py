"""How often the store is asked: each question costs a way there and back."""

READS_AT_MOST = 3


def asked(served):
    """Requests to the store since the last question, but for the audit trail's head, which keeps its own time."""
    found = [request for request in served.proxy.requests if "_audit" not in request]
    served.proxy.requests.clear()
    return found


async def test_what_nobody_asked_before_takes_at_most_three_round_trips(served_kind, serve):
    async with serve(served_kind) as served:
        assert (await served.create("cold")).status_code == 201
        asked(served)
        assert (await served.render("cold", name="Ada")).json()["rendered"] == "Hello Ada"
        assert 1 <= len(asked(served)) <= READS_AT_MOST
        asked(served)
        assert (await served.get("cold")).status_code == 200
        assert 1 <= len(asked(served)) <= READS_AT_MOST


async def test_a_save_takes_one_and_what_is_kept_in_memory_none(serve):
    async with serve("az", cache_bytes=64 * 1024 * 1024) as served:
        asked(served)
        assert (await served.create("warm")).status_code == 201
        assert [request.split()[0] for request in asked(served)] == ["PUT"]
        asked(served)
        assert (await served.get("warm")).status_code == 200
        assert (await served.render("warm", name="Ada")).status_code == 200
        assert asked(served) == []
