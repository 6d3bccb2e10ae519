"""The corpus against the analysis. What the analysis lets through is run in the worker pool by the pool's own tests."""

import collections
import itertools
import json
import re
import runpy
import time
from pathlib import Path

import pytest
from dakora_server.core.templates.analysis import analyse
from dakora_server.core.templates.limits import Limits

CORPUS = runpy.run_path(str(Path(__file__).with_name("hostile.py")))
CASES = CORPUS["CASES"]

LIMITS = Limits()


def test_the_corpus_is_as_large_as_promised():
    assert len(CASES) >= 300
    assert len({case.sources for case in CASES}) > len(CASES) - 5
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(collections.Counter(case.family for case in CASES)) >= 10
    json.dumps([case.inputs for case in CASES])


@pytest.mark.parametrize("family", sorted({case.family for case in CASES}))
def test_what_must_be_refused_is_refused_without_running_it(family):
    let_through = [
        case.name
        for case in CASES
        if case.family == family and case.expect == "refused" and not analyse(case.sources, LIMITS).faults
    ]
    assert let_through == []


def test_every_answer_is_quick():
    # 250 ms is the promise for a request; an analysis takes less than half of it on slow hardware.
    for case in CASES:
        begin = time.process_time()
        analyse(case.sources, LIMITS)
        assert time.process_time() - begin < 1, case.name


def test_every_fault_is_fit_for_anyone():
    internal = re.compile(r"0x[0-9a-f]{5}|Traceback|jinja2|site-packages|\.py\b|NoneType|object at")
    for case in CASES:
        for fault in analyse(case.sources, LIMITS).faults:
            assert len(fault.message) <= 301, case.name
            assert not internal.search(fault.message), (case.name, fault.message)
            assert fault.line is None or 1 <= fault.line <= case.sources[fault.source].count("\n") + 1


def test_nothing_that_reaches_an_underscore_is_ever_plain():
    for case in CASES:
        if case.family in ("attribute", "subscript", "lookup", "format", "memory"):
            assert not analyse(case.sources, LIMITS).plain, case.name


def test_generated_templates_are_the_same_for_the_same_seed_and_analysed_in_no_time():
    first = list(CORPUS["generated"](500, seed=5))
    again = list(itertools.islice(CORPUS["generated"](1000, seed=5), 500))
    assert [case.sources for case in first] == [case.sources for case in again]
    for case in first:
        analyse(case.sources, LIMITS)
