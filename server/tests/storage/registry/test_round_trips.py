"""How often the store is asked: each question costs a way there and back."""

READS_AT_MOST = 3


async def test_what_nobody_asked_before_takes_at_most_three_round_trips(served_kind, serve):
    async with serve(served_kind) as served:
        assert (await served.create("cold")).status_code == 201
        served.proxy.requests.clear()
        assert (await served.render("cold", name="Ada")).json()["rendered"] == "Hello Ada"
        assert 1 <= len(served.proxy.requests) <= READS_AT_MOST, served.proxy.requests
        served.proxy.requests.clear()
        assert (await served.get("cold")).status_code == 200
        assert 1 <= len(served.proxy.requests) <= READS_AT_MOST, served.proxy.requests


async def test_a_save_takes_one_and_what_is_kept_in_memory_none(serve):
    async with serve("az", cache_bytes=64 * 1024 * 1024) as served:
        served.proxy.requests.clear()
        assert (await served.create("warm")).status_code == 201
        assert [request.split()[0] for request in served.proxy.requests] == ["PUT"]
        served.proxy.requests.clear()
        assert (await served.get("warm")).status_code == 200
        assert (await served.render("warm", name="Ada")).status_code == 200
        assert served.proxy.requests == []
