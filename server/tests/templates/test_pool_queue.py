"""Whose turn it is."""

from dakora_server.core.templates.pool_queue import Breaker, FairQueue
from dakora_server.core.templates.pool_wire import Shelf


def anyone(_tenant):
    return True


class TestFairQueue:
    def test_tenants_take_turns_and_each_keeps_its_order(self):
        queue = FairQueue(per_tenant=9, in_all=9)
        for job in ("a1", "a2", "a3", "b1", "c1", "b2"):
            queue.put(job[0], job)

        assert [queue.take(anyone) for _ in range(7)] == ["a1", "b1", "c1", "a2", "b2", "a3", None]

    def test_a_tenant_that_may_not_run_is_passed_over(self):
        queue = FairQueue(per_tenant=9, in_all=9)
        queue.put("a", "a1")
        queue.put("b", "b1")

        assert queue.take(lambda tenant: tenant != "a") == "b1"
        assert queue.take(lambda tenant: tenant != "a") is None
        assert len(queue) == 1

    def test_there_is_no_room_beyond_the_bounds(self):
        queue = FairQueue(per_tenant=2, in_all=3)

        assert [queue.put("a", n) for n in range(3)] == [True, True, False]
        assert [queue.put("b", n) for n in range(2)] == [True, False]
        assert len(queue) == 3

    def test_a_job_put_first_is_the_tenants_next(self):
        queue = FairQueue(per_tenant=9, in_all=9)
        queue.put("a", "late")
        queue.put("a", "again", first=True)

        assert queue.take(anyone) == "again"

    def test_a_forgotten_job_is_not_taken(self):
        queue = FairQueue(per_tenant=9, in_all=9)
        queue.put("a", "a1")
        queue.put("a", "a2")
        queue.forget("a", "a1")
        queue.forget("a", "never there")
        queue.forget("b", "never there")

        assert (len(queue), queue.take(anyone), queue.waits("a")) == (1, "a2", False)

    def test_draining_empties_it(self):
        queue = FairQueue(per_tenant=9, in_all=9)
        queue.put("a", 1)
        queue.put("b", 2)

        assert queue.drain() == [1, 2]
        assert (len(queue), queue.waits("a")) == (0, False)


class TestBreaker:
    def test_three_kills_within_a_minute_close_the_door_for_half_a_minute(self):
        breaker, key = Breaker(), ("tenant", "key")
        for now in (0.0, 20.0, 40.0):
            assert not breaker.is_open(key, now=now)
            breaker.killed(key, now=now)

        assert breaker.is_open(key, now=69.9)
        assert not breaker.is_open(key, now=70.1)

    def test_kills_far_apart_do_not_count_together(self):
        breaker, key = Breaker(), ("tenant", "key")
        for now in (0.0, 50.0, 100.0):
            breaker.killed(key, now=now)

        assert not breaker.is_open(key, now=101.0)

    def test_another_tenant_with_the_same_text_is_not_touched(self):
        breaker = Breaker()
        for now in (0.0, 1.0, 2.0):
            breaker.killed(("a", "key"), now=now)

        assert not breaker.is_open(("b", "key"), now=3.0)

    def test_it_forgets_the_longest_quiet_key_when_full(self):
        breaker = Breaker(keys=2)
        for now, name in enumerate("aaabc"):
            breaker.killed(("tenant", name), now=float(now))

        assert not breaker.is_open(("tenant", "a"), now=5.0)


class TestShelf:
    def test_the_longest_unused_goes_first(self):
        shelf = Shelf(number=2, weight=100)
        shelf.put("a", 1, weight=1)
        shelf.put("b", 2, weight=1)
        shelf.get("a")
        shelf.put("c", 3, weight=1)

        assert ("a" in shelf, "b" in shelf, "c" in shelf) == (True, False, True)

    def test_weight_is_bounded_too(self):
        shelf = Shelf(number=100, weight=10)
        shelf.put("a", 1, weight=6)
        shelf.put("b", 2, weight=6)

        assert ("a" in shelf, shelf.get("b")) == (False, 2)

    def test_what_is_heavier_than_the_shelf_is_kept_alone(self):
        shelf = Shelf(number=100, weight=10)
        shelf.put("a", 1, weight=1)
        shelf.put("b", 2, weight=50)

        assert (len(shelf), shelf.get("b")) == (1, 2)

    def test_replacing_a_thing_counts_its_weight_once(self):
        shelf = Shelf(number=100, weight=10)
        for _ in range(5):
            shelf.put("a", 1, weight=5)
        shelf.put("b", 2, weight=5)

        assert len(shelf) == 2
