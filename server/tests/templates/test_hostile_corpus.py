"""The corpus against the analysis. What the analysis lets through is run in the worker pool by the pool's own tests."""

import collections
import itertools
import json
import re
import runpy
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


@pytest.fixture(scope="module")
def analysed():
    """Each case with what the analysis says of it."""
    return [(case, analyse(case.sources, LIMITS)) for case in CASES]


def test_what_must_be_refused_is_refused_without_running_it(analysed):
    let_through = [case.name for case, analysis in analysed if case.expect == "refused" and not analysis.faults]
    assert let_through == []


def test_every_fault_is_fit_for_anyone(analysed):
    internal = re.compile(r"0x[0-9a-f]{5}|Traceback|jinja2|site-packages|\.py\b|NoneType|object at")
    for case, analysis in analysed:
        for fault in analysis.faults:
            assert len(fault.message) <= 301, case.name
            assert not internal.search(fault.message), (case.name, fault.message)
            assert fault.line is None or 1 <= fault.line <= len(re.split("\r\n|\r|\n", case.sources[fault.source]))


def test_what_reaches_for_more_than_its_inputs_is_not_plain(analysed):
    for case, analysis in analysed:
        if case.family in ("attribute", "lookup", "format", "memory", "time"):
            assert not analysis.plain, case.name


def test_generated_templates_are_the_same_for_the_same_seed_and_analysed_in_no_time():
    first = list(CORPUS["generated"](500, seed=5))
    again = list(itertools.islice(CORPUS["generated"](1000, seed=5), 500))
    assert [case.sources for case in first] == [case.sources for case in again]
    for case in first:
        analyse(case.sources, LIMITS)
