"""What a limit promises whoever calls, in memory and with Redis alike."""

import asyncio
import gc
import re
import uuid

import pytest

from dakora_server.core.rate_limits import LimitClass, RateLimits, Rates
from dakora_server.core.rate_limits.buckets import Bucket

pytestmark = pytest.mark.alone

# So long that a busy machine is not taken for a Redis that is down.
PATIENT = 30.0


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return round(self.seconds * 1_000_000_000)


def rates(key=None, workspace=None):
    """Limits for reads, or by class where a mapping is given."""
    by_class = [{LimitClass.read: x} if isinstance(x, str) else x or {} for x in (key, workspace)]
    return Rates.parse(key=by_class[0], workspace=by_class[1])


def fresh(name):
    return f"{name}-{uuid.uuid4()}"


@pytest.fixture(params=["memory", "redis"])
async def build(request):
    """Makes RateLimits that are closed at the end."""
    url = request.getfixturevalue("redis").url if request.param == "redis" else None
    built = []

    def make(limits):
        built.append(RateLimits(limits, redis_url=url, patience=PATIENT))
        return built[-1]

    yield make
    for limits in built:
        await limits.close()


async def allowed(limits, caller, workspace, *, tries, what=LimitClass.read):
    verdicts = await asyncio.gather(*(limits.take(what, caller, workspace) for _ in range(tries)))
    return sum(v.allowed for v in verdicts)


def parsed(value):
    """The items of a structured field: a list of strings with integer parameters (RFC 9651), nothing else."""
    item = re.compile(r'"([ !#-\[\]-~]*)"((?:;[a-z][a-z0-9_.*-]*=-?[0-9]{1,15})*)')
    found = {}
    for part in re.split(r"[ \t]*,[ \t]*", value.decode("ascii")):
        match = item.fullmatch(part)
        assert match, value
        assert match[1] not in found
        found[match[1]] = {name: int(number) for name, _, number in (p.partition("=") for p in match[2].split(";")[1:])}
    return found


async def test_a_low_limit_is_exact(build):
    limits = build(rates("5/minute", "1000/minute"))

    assert await allowed(limits, fresh("key"), fresh("workspace"), tries=50) == 5


async def test_every_allowance_of_a_high_limit_can_be_used_by_one_process(build):
    limits = build(rates("1013/minute"))

    assert await allowed(limits, fresh("key"), fresh("workspace"), tries=1500) == 1013


async def test_a_refused_key_takes_nothing_from_its_workspace(build):
    limits, workspace = build(rates("2/minute", "10/minute")), fresh("workspace")

    assert await allowed(limits, fresh("flooding"), workspace, tries=100) == 2

    others = [await allowed(limits, fresh("other"), workspace, tries=5) for _ in range(4)]
    assert others == [2, 2, 2, 2]
    assert await allowed(limits, fresh("late"), workspace, tries=5) == 0


async def test_a_refused_workspace_takes_nothing_from_the_key(build):
    limits, key = build(rates("10/minute", "2/minute")), fresh("key")

    assert await allowed(limits, key, fresh("used-up"), tries=100) == 2

    elsewhere = [await allowed(limits, key, fresh("workspace"), tries=50) for _ in range(5)]
    assert elsewhere == [2, 2, 2, 2, 0]


async def test_the_classes_do_not_share(build):
    three = dict.fromkeys(LimitClass, "3/minute")
    limits, key, workspace = build(rates(three, three)), fresh("key"), fresh("workspace")

    assert [await allowed(limits, key, workspace, tries=9, what=what) for what in LimitClass] == [3] * len(LimitClass)


async def test_two_workspaces_do_not_share(build):
    limits = build(rates(None, "3/minute"))

    assert [await allowed(limits, fresh("key"), fresh("workspace"), tries=9) for _ in range(2)] == [3, 3]


async def test_a_key_and_a_workspace_of_the_same_id_do_not_share(build):
    limits, same = build(rates("3/minute", "3/minute")), fresh("same")

    assert await allowed(limits, same, same, tries=9) == 3


async def test_no_limit_asks_nobody_and_says_nothing(build):
    limits = build(rates("1/minute"))

    verdict = limits.spend(LimitClass.log, "key", "workspace")

    assert verdict is not None
    assert (verdict.allowed, verdict.headers, verdict.retry_after) == (True, (), 0)


async def test_headers_tell_both_policies_and_what_is_left_of_the_tighter(build):
    limits, key, workspace = build(rates("7/minute", "4/hour")), fresh("key"), fresh("workspace")

    first = await limits.take(LimitClass.read, key, workspace)
    await allowed(limits, key, workspace, tries=3)
    refused = await limits.take(LimitClass.read, key, workspace)

    policies = {"read": {"q": 7, "w": 60}, "workspace-read": {"q": 4, "w": 3600}}
    assert [name for name, _ in first.headers] == [b"ratelimit", b"ratelimit-policy"]
    assert parsed(first.headers[0][1]) == {"workspace-read": {"r": 3, "t": 3600}}
    assert parsed(first.headers[1][1]) == policies
    state, policy, retry = refused.headers
    assert parsed(policy[1]) == policies
    assert retry == (b"retry-after", str(refused.retry_after).encode())
    told = parsed(state[1])["workspace-read"]
    assert told == {"r": 0, "t": refused.retry_after}
    assert 3590 < refused.retry_after <= 3601


async def test_retry_after_holds_true_for_both_limits(build):
    limits, key, workspace = build(rates("2/second", "3/2 seconds")), fresh("key"), fresh("workspace")
    other = fresh("key")
    await allowed(limits, other, workspace, tries=1)
    assert await allowed(limits, key, workspace, tries=10) == 2

    refused = await limits.take(LimitClass.read, key, workspace)
    assert refused.retry_after >= 1
    await asyncio.sleep(refused.retry_after)

    assert (await limits.take(LimitClass.read, key, workspace)).allowed


def test_retry_after_is_neither_early_nor_late():
    clock = Clock()
    limits = RateLimits(rates("3/minute"), now=clock)
    for _ in range(3):
        clock.seconds += 0.4
        assert limits.spend(LimitClass.read, "key", "workspace").allowed
    clock.seconds += 7.25

    refused = limits.spend(LimitClass.read, "key", "workspace")

    clock.seconds += refused.retry_after - 1
    assert not limits.spend(LimitClass.read, "key", "workspace").allowed
    clock.seconds += 1
    assert limits.spend(LimitClass.read, "key", "workspace").allowed


def test_who_was_away_long_has_no_more_than_one_window():
    clock = Clock()
    limits = RateLimits(rates("100/minute"), now=clock)
    assert limits.spend(LimitClass.read, "key", "workspace").allowed
    clock.seconds += 3600

    assert sum(limits.spend(LimitClass.read, "key", "workspace").allowed for _ in range(300)) == 100


async def test_no_more_subjects_are_remembered_than_allowed_and_the_recent_ones_are():
    limits = RateLimits(rates("1/hour", "1000/hour"), kept=50)
    crowd = fresh("crowd")
    for number in range(500):
        assert limits.spend(LimitClass.read, f"{crowd}-{number}", "workspace").allowed
        if number:
            assert not limits.spend(LimitClass.read, f"{crowd}-0", "workspace").allowed

    held = [x for x in gc.get_objects() if isinstance(x, Bucket) and x.subject.startswith(crowd)]
    assert 40 < len(held) <= 50
    assert not limits.spend(LimitClass.read, f"{crowd}-499", "workspace").allowed


@pytest.mark.parametrize(
    "notation",
    ["", "many", "5", "0/second", "-1/second", "5/fortnight", "5/second;9/minute", "1/9 years", "9" * 30 + "/day"],
)
def test_a_limit_that_cannot_be_kept_is_refused_with_a_sentence_that_names_it(notation):
    with pytest.raises(ValueError, match="rate limit of render for a workspace is") as refusal:
        Rates.parse(key={LimitClass.read: "1/second"}, workspace={LimitClass.render: notation})

    assert repr(notation) in str(refusal.value)
    assert str(refusal.value).count(".") == 1


def test_unlimited_can_be_said():
    limits = RateLimits(rates("unlimited", "unlimited"))

    assert all(limits.spend(LimitClass.read, "key", "workspace").headers == () for _ in range(3))
