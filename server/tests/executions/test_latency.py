"""Percentiles from buckets, against the exact ones."""

import random

import pytest

from dakora_server.core.executions.latency import BUCKETS, GROWTH, LIMITS, bucket_of, percentile
from dakora_server.core.storage.tables import LATENCY_COLUMNS


def counted(values):
    counts = [0] * BUCKETS
    for value in values:
        counts[bucket_of(value)] += 1
    return counts


def exact(values, share):
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_a_percentile_is_off_by_one_bucket_at_most(share):
    chance = random.Random(11)
    for _ in range(200):
        spread = chance.uniform(0.1, 2.0)
        values = [min(chance.lognormvariate(7, spread) + 10, 599_000) for _ in range(chance.randint(1, 400))]
        found, true = percentile(counted(values), share), exact(values, share)
        assert true / GROWTH * 0.999 <= found <= true * GROWTH * 1.001


def test_the_bound_is_the_one_that_is_promised():
    assert GROWTH < 1.2
    assert len(LIMITS) == BUCKETS - 1 == len(LATENCY_COLUMNS) - 1


def test_nothing_has_no_percentile_and_the_unknown_no_bucket():
    assert percentile([0] * BUCKETS, 0.5) is None
    assert bucket_of(None) == -1
    assert (bucket_of(0.0), bucket_of(10.0), bucket_of(1e9)) == (0, 0, BUCKETS - 1)
    assert percentile(counted([1e9]), 0.5) == pytest.approx(LIMITS[-1])
