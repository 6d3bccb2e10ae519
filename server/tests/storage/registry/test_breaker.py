"""Silence in a row makes the rest give up at once; one a second finds out; one answer ends it."""

import pytest

from dakora_server.core.storage.registry.breaker import MISSES, PAUSE_SECONDS, Breaker


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def breaker(clock):
    return Breaker(lambda: clock[0])


def silent(breaker, times):
    for _ in range(times):
        breaker.missed()


def test_a_few_misses_change_nothing_and_an_answer_forgets_them(breaker):
    silent(breaker, MISSES - 1)
    assert not breaker.refuses
    breaker.answered()
    silent(breaker, MISSES - 1)
    assert not breaker.refuses


def test_after_a_row_of_misses_one_in_a_while_is_let_through(breaker, clock):
    silent(breaker, MISSES)
    assert breaker.refuses
    clock[0] += PAUSE_SECONDS
    assert [breaker.refuses for _ in range(5)] == [False, True, True, True, True]
    breaker.missed()
    assert breaker.refuses
    clock[0] += PAUSE_SECONDS
    assert not breaker.refuses
    breaker.answered()
    assert [breaker.refuses for _ in range(5)] == [False] * 5
