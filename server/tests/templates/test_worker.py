"""The render pool, with real processes: what it answers, and that it outlives whatever happens to them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator

import psutil
import pytest
import uvloop

from dakora_server.core.exceptions import (
    Busy,
    RendererUnavailable,
    RenderFailed,
    RenderLimitExceeded,
)
from dakora_server.core.templates import pool_wire as wire
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.worker import RenderPool, SchemaCheck, _job

pytestmark = pytest.mark.alone

ENDLESS = "{% for a in range(10000) %}" * 3 + "{% set x = a %}" + "{% endfor %}" * 3
HELLO = "Hello {{ name }}!"


@contextlib.asynccontextmanager
async def running(*, workers: int = 2, render_seconds: float = 1.0, **limits: float) -> AsyncIterator[RenderPool]:
    """A pool. It has more time than by default where time is not the point: the machine may be busy."""
    pool = RenderPool(workers=workers, limits=Limits(render_seconds=render_seconds, **limits))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()


async def render(pool, text, tenant="tenant", **inputs):
    (rendered,) = await pool.render(text, [text], inputs, tenant=tenant)
    return rendered


async def until(true, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 -- what is waited for happens in other processes
            await asyncio.sleep(0.01)


def lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes(pool):
    stats = pool.stats()
    return [stats.zygote_pid, *stats.pids]


@pytest.fixture(scope="module")
async def pool():
    async with running(workers=4) as started:
        yield started


class TestRender:
    async def test_inputs_become_text(self, pool):
        assert await render(pool, HELLO, name="Ann") == "Hello Ann!"

    async def test_every_source_becomes_a_text_of_its_own(self, pool):
        assert await pool.render("k1", ["a{{ x }}", "b{{ x }}"], {"x": 1}, tenant="t") == ["a1", "b1"]

    async def test_parts_are_rendered_where_they_are_included(self, pool):
        sources, parts, links = ["<{% include 'a/b' %}>"], {"a/b@1": "part {{ x }}"}, {"": {"a/b": "a/b@1"}}

        rendered = await pool.render("k2", sources, {"x": 1}, includes=parts, links=links, tenant="t")

        assert rendered == ["<part 1>"]

    async def test_any_text_comes_back_as_it_went_in(self, pool):
        text = "".join(map(chr, [*range(1, 0x800), 0xFFFF, 0x1F600, 0x10FFFF, 0x2028, 0xFEFF, 0x202E]))

        assert await render(pool, "{{ x }}", x=text) == text

    async def test_values_keep_their_types(self, pool):
        values = {"i": 10**40, "f": 1.0, "small": 5e-324, "b": True, "n": None, "l": [1, [2]], "o": {"k": {"é": []}}}

        assert await render(pool, "{{ v|tojson }}", v=values) == (
            '{"i": 1' + "0" * 40 + ', "f": 1.0, "small": 5e-324, "b": true, "n": null, "l": [1, [2]], '
            '"o": {"k": {"é": []}}}'
        )

    async def test_a_mebibyte_goes_in_and_comes_out(self, pool):
        text = "é\n" * (1024 * 1024 // 3)

        assert await render(pool, "{{ x }}", x=text) == text

    async def test_output_past_its_limit_is_cut_off_with_an_answer(self, pool):
        with pytest.raises(RenderLimitExceeded) as refused:
            await render(pool, "{% for i in range(10000) %}{{ x }}{% endfor %}", x="x" * 1000)

        assert [fault.type for fault in refused.value.errors] == ["output_too_large"]

    async def test_a_fault_says_where_it_is(self, pool):
        with pytest.raises(RenderFailed) as refused:
            await pool.render("k3", ["fine", "a\n  {{ nobody }}"], {}, tenant="t")

        (fault,) = refused.value.errors
        assert (fault.loc, fault.line, fault.type) == ((1,), 2, "undefined_variable")
        assert "nobody" in fault.message

    async def test_half_a_surrogate_pair_is_refused_in_words(self, pool):
        with pytest.raises(RenderFailed):
            await render(pool, "{{ x }}", x="\ud800")
        with pytest.raises(RenderFailed):
            await render(pool, "{{ '\\ud800' }}")

    async def test_values_that_are_no_json_are_the_callers_error_and_cost_no_worker(self, pool):
        for _ in range(10):
            with pytest.raises(TypeError):
                await render(pool, HELLO, name=object())

        assert await render(pool, HELLO, name="Ann") == "Hello Ann!"

    async def test_200_renders_at_once_each_get_their_own_text(self, pool):
        sources = [f"{n} {{% for x in xs %}}{{{{ x }}}},{{% endfor %}}" for n in range(20)]

        texts = await asyncio.gather(*(render(pool, sources[n % 20], f"t{n % 7}", xs=[n] * n) for n in range(200)))

        assert texts == [f"{n % 20} " + f"{n}," * n for n in range(200)]

    async def test_one_render_leaves_nothing_for_the_next(self, pool):
        for n in range(10):
            assert await render(pool, "{% set ns = namespace(a=x) %}{{ ns.a }}{{ y|default('-') }}", x=n) == f"{n}-"


class TestAnalyse:
    async def test_variables_and_faults_come_back(self, pool):
        found = await pool.analyse(["{{ b }}{{ a }}"], tenant="t")
        assert (found.faults, found.variables) == ((), ("a", "b"))

        (fault,) = (await pool.analyse(["fine", "\n{% if %}"], tenant="t")).faults
        assert (fault.source, fault.line, fault.type) == (1, 2, "syntax_error")

    async def test_an_analysis_that_had_to_be_stopped_is_a_fault(self):
        async with running(compile_seconds=0.0) as pool:
            (fault,) = (await pool.analyse(["{{ x }}" * 2000], tenant="t")).faults

        assert fault.type == "template_too_complex"


class TestSchemasAndDiff:
    async def test_faults_are_placed_under_the_callers_path(self, pool):
        faults = await pool.check_schemas(
            [
                SchemaCheck(("inputs", "a"), {"required": ["x"], "properties": {"x": {"type": "string"}}}, {"x": 1}),
                SchemaCheck(("inputs", "b", "schema"), {"properties": {"y": {"type": "nothing"}}}),
                SchemaCheck(("inputs", "c"), {"type": "null"}, None),
            ],
            tenant="t",
        )

        assert [(fault.loc, fault.type) for fault in faults] == [
            (("inputs", "a", "x"), "schema_mismatch"),
            (("inputs", "b", "schema", "properties", "y", "type"), "schema_invalid"),
        ]

    async def test_a_schema_that_never_ends_is_stopped(self, pool):
        places = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
        schema = {"$ref": "#/$defs/d0", "$defs": {**places, "d60": {"type": "string"}}}

        with pytest.raises(RenderLimitExceeded):
            await pool.check_schemas([SchemaCheck((), schema, 1)], tenant="t")

    async def test_a_diff_keeps_integers_of_any_length(self, pool):
        (change,) = await pool.diff({"metadata": {"n": 10**30}}, {"metadata": {"n": 10**30 + 1}}, tenant="t")

        assert (change["field"], change["before"], change["after"]) == ("metadata.n", 10**30, 10**30 + 1)

    async def test_texts_that_take_too_long_to_compare_are_given_up(self, pool):
        lines = [str(n % 200) for n in range(40_000)]
        before, after = {"template": "\n".join(lines)}, {"template": "\n".join(sorted(lines))}

        with pytest.raises(RenderLimitExceeded):
            await pool.diff(before, after, tenant="t")


class TestHostile:
    async def test_an_endless_loop_is_stopped_and_the_next_render_answered(self):
        async with running(workers=1, render_seconds=Limits().render_seconds) as pool:
            for n in range(3):
                with pytest.raises(RenderLimitExceeded) as refused:
                    await render(pool, ENDLESS + str(n))
                assert [fault.type for fault in refused.value.errors] == ["time_limit"]
                assert await render(pool, HELLO, name="Ann") == "Hello Ann!"

    async def test_a_memory_bomb_is_contained(self):
        async with running(workers=1) as pool:
            bomb = "{% set ns = namespace(x=['a']) %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"
            largest = 0

            async def watch():
                nonlocal largest
                while True:
                    largest = max(largest, *map(_size, pool.stats().pids))
                    await asyncio.sleep(0.002)

            watching = asyncio.create_task(watch())
            with pytest.raises(RenderLimitExceeded):
                await render(pool, bomb)
            watching.cancel()

            assert await render(pool, HELLO, name="Ann") == "Hello Ann!"
            assert largest <= 256 * 1024 * 1024 or sys.platform != "linux"

    async def test_a_worker_that_has_grown_is_replaced(self):
        async with running(workers=1) as pool:
            (before,) = pool.stats().pids
            await render(pool, "{{ (xs + xs + xs + xs)|length }}", xs=[0] * 500_000)
            await until(lambda: pool.stats().pids and before not in pool.stats().pids)

    async def test_one_tenant_holds_half_of_the_workers_at_most(self):
        async with running(workers=4) as pool:
            loops = [asyncio.create_task(render(pool, f"{ENDLESS}{n}", "greedy")) for n in range(3)]
            await asyncio.sleep(0.1)

            for _ in range(20):
                assert await render(pool, HELLO, "other", name="Ann") == "Hello Ann!"

            assert (pool.stats().busy, pool.stats().waiting) == (2, 1)
            assert not any(loop.done() for loop in loops)
            outcomes = await asyncio.gather(*loops, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} <= {RenderLimitExceeded, Busy}

    async def test_three_kills_of_one_template_close_the_door_to_it_alone(self):
        async with running(workers=1, render_seconds=0.05) as pool:
            for _ in range(3):
                with pytest.raises(RenderLimitExceeded):
                    await render(pool, ENDLESS)
            killed = pool.stats().kills

            with pytest.raises(RenderLimitExceeded):
                await render(pool, ENDLESS)
            assert pool.stats().kills == killed == 3
            assert await render(pool, HELLO, name="Ann") == "Hello Ann!"
            with pytest.raises(RenderLimitExceeded):
                await render(pool, ENDLESS, "another tenant")
            assert pool.stats().kills == 4

    async def test_nothing_reaches_outside(self):
        jobs = [
            HELLO,
            "{{ x.__class__.__mro__ }}",
            "{{ ''|attr('__class__') }}",
            "{{ self.__init__.__globals__ }}",
            "{% include '/etc/passwd' %}",
            "{% import 'os' as os %}{{ os }}",
            "{{ range.__self__.open('/etc/passwd') }}",
            "{{ 'é'|upper }}{{ '\\u00e9' }}{{ 1 / 0 }}",
            "{{ x is mapping }}{{ 3(4) }}",
        ]
        async with running(workers=1) as pool:
            for text in jobs:
                await pool.analyse([text], tenant="t")
                with contextlib.suppress(RenderFailed):
                    await render(pool, text, name="Ann", x={})

            assert await pool._dispatch.do(_job("t", [wire.AUDIT], 1.0)) == {}


class TestABrokenWorker:
    """What a worker sends cannot be trusted: a template that broke out of it would send what it likes."""

    @pytest.mark.parametrize(
        "sent",
        [
            wire.HEADER.pack(3) + b"abc",
            wire.HEADER.pack(2) + b"{}",
            wire.HEADER.pack(4) + b"[[]]",
            wire.HEADER.pack(11) + b"[[],1,true]",
            wire.HEADER.pack(wire.LARGEST_ANSWER + 1) + b"x",
        ],
    )
    async def test_that_sends_no_answer_is_replaced_and_its_job_done_by_another(self, sent):
        async with running(workers=2, render_seconds=5.0) as pool:
            task, link = await _running_job(pool)
            link.data_received(sent)

            assert await task == "done"
            assert link.pid not in pool.stats().pids

    @pytest.mark.parametrize(
        "answer",
        [b'["refused",null,""]', b'["refused",["no_such_code",[]],""]', b'["compiled",null,""]', b'["more",1,""]'],
    )
    async def test_that_answers_nonsense_is_replaced_and_its_job_refused(self, answer):
        async with running(workers=2, render_seconds=5.0) as pool:
            task, link = await _running_job(pool)
            link.data_received(wire.HEADER.pack(len(answer)) + answer)

            with pytest.raises(RenderFailed):
                await task
            assert link.pid not in pool.stats().pids
            assert await render(pool, HELLO, name="Ann") == "Hello Ann!"

    async def test_that_speaks_unasked_is_replaced(self):
        async with running(workers=1) as pool:
            (link,) = pool._dispatch.crew._links.values()
            answer = b'["ok",["forged"],""]'
            link.data_received(wire.HEADER.pack(len(answer)) + answer)

            assert await render(pool, HELLO, name="Ann") == "Hello Ann!"
            assert link.pid not in pool.stats().pids

    async def test_that_reaches_outside_is_replaced(self):
        async with running(workers=2, render_seconds=5.0) as pool:
            task, link = await _running_job(pool)
            answer = b'["ok",["done"],"outside:open"]'
            link.data_received(wire.HEADER.pack(len(answer)) + answer)

            assert await task == "done"
            assert link.pid not in pool.stats().pids


async def _running_job(pool):
    """A job that takes a while, and the link it runs on."""
    text = "{% for a in range(300) %}{% for b in range(1000) %}{% set x = a %}{% endfor %}{% endfor %}done"
    await pool.analyse([text], tenant="tenant")
    task = asyncio.create_task(render(pool, text))
    await until(lambda: pool.stats().busy == 1)
    (link,) = [link for link in pool._dispatch.crew._links.values() if link.job is not None]
    await until(lambda: not link.job.compiles)
    return task, link


class TestCallers:
    async def test_a_caller_that_goes_frees_its_place_in_the_queue(self):
        async with running(workers=1) as pool:
            loop = asyncio.create_task(render(pool, ENDLESS))
            await asyncio.sleep(0)
            waiting = [asyncio.create_task(render(pool, HELLO, name=n)) for n in range(5)]
            await asyncio.sleep(0.01)
            assert pool.stats().waiting == 5
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert pool.stats().waiting == 0
            with pytest.raises(RenderLimitExceeded):
                await loop

    async def test_a_caller_that_goes_while_its_render_runs_does_not_mix_up_answers(self):
        async with running(workers=1) as pool:
            for n in range(30):
                task = asyncio.create_task(render(pool, HELLO, name="x" * 100_000))
                await asyncio.sleep(0 if n % 2 else 0.0005)
                task.cancel()
                assert await render(pool, HELLO, name=n) == f"Hello {n}!"
            assert (pool.stats().busy, pool.stats().waiting) == (0, 0)

    async def test_too_many_waiting_is_answered_at_once(self):
        async with running(workers=1, render_seconds=0.5) as pool:
            loop = asyncio.create_task(render(pool, ENDLESS))
            await asyncio.sleep(0)
            calls = [asyncio.create_task(render(pool, HELLO, name=n)) for n in range(600)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            busy = [outcome for outcome in outcomes if isinstance(outcome, Busy)]
            assert len(busy) == 600 - 512
            assert busy[0].status == 503
            with pytest.raises(RenderLimitExceeded):
                await loop

    async def test_a_turn_that_does_not_come_within_a_second_is_busy(self):
        async with running(workers=1, render_seconds=1.3) as pool:
            loop = asyncio.create_task(render(pool, ENDLESS))
            await asyncio.sleep(0)
            with pytest.raises(Busy):
                await render(pool, HELLO, name="Ann")
            with pytest.raises(RenderLimitExceeded):
                await loop

    async def test_a_render_that_gets_no_processor_is_told_to_come_again(self):
        async with running(workers=1) as pool:
            (pid,) = pool.stats().pids
            os.kill(pid, signal.SIGSTOP)
            with pytest.raises(Busy):
                await render(pool, HELLO, name="Ann")
            assert await render(pool, HELLO, name="Ann") == "Hello Ann!"

    async def test_an_answer_is_not_missed_because_the_server_was_held_up(self):
        async with running(workers=1) as pool:
            call = asyncio.create_task(render(pool, HELLO, name="Ann"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            time.sleep(0.4)  # noqa: ASYNC251 -- the whole event loop is what is held up here
            assert await call == "Hello Ann!"


class TestProcesses:
    async def test_stopping_leaves_no_process(self):
        async with running(workers=3) as pool:
            await until(lambda: len(pool.stats().pids) == 3)
            pids = processes(pool)
            loop = asyncio.create_task(render(pool, ENDLESS))
            await asyncio.sleep(0.01)
        assert not any(map(lives, pids))
        with pytest.raises(RendererUnavailable):
            await loop
        with pytest.raises(RendererUnavailable):
            await render(pool, HELLO, name="Ann")

    async def test_a_killed_worker_is_replaced_and_its_job_done_by_another(self):
        async with running(workers=2, render_seconds=5.0) as pool:
            await until(lambda: len(pool.stats().pids) == 2)
            slow = "{% for a in range(400) %}{% for b in range(1000) %}{% set x = a %}{% endfor %}{% endfor %}done"
            task = asyncio.create_task(render(pool, slow))
            await asyncio.sleep(0.05)
            before = pool.stats().pids
            for pid in before:
                os.kill(pid, signal.SIGKILL)

            assert await task == "done"
            await until(lambda: len(pool.stats().pids) == 2 and not set(before) & set(pool.stats().pids))

    async def test_a_job_that_ends_every_worker_is_refused(self):
        async with running(workers=1, render_seconds=5.0) as pool:
            task = asyncio.create_task(render(pool, ENDLESS))
            while not task.done():
                await asyncio.sleep(0.05)
                for pid in pool.stats().pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            with pytest.raises(RenderLimitExceeded) as refused:
                await task
            assert [fault.type for fault in refused.value.errors] == ["worker_ended"]
            assert await render(pool, HELLO, name="Ann") == "Hello Ann!"

    async def test_a_killed_zygote_is_started_again_and_no_call_is_lost(self):
        async with running(workers=2, render_seconds=5.0) as pool:
            old = processes(pool)
            slow = "{% for a in range(200) %}{% for b in range(1000) %}{% set x = a %}{% endfor %}{% endfor %}done"
            tasks = [asyncio.create_task(render(pool, slow, tenant)) for tenant in "abcd"]
            await asyncio.sleep(0.02)
            os.kill(pool.stats().zygote_pid, signal.SIGKILL)

            assert await asyncio.gather(*tasks) == ["done"] * 4
            await until(lambda: not any(map(lives, old)))

    async def test_a_zygote_that_hangs_is_replaced(self):
        async with running(workers=1, render_seconds=0.2) as pool:
            os.kill(pool.stats().zygote_pid, signal.SIGSTOP)
            with pytest.raises(RenderLimitExceeded):
                await render(pool, ENDLESS)
            with pytest.raises(Busy):
                await render(pool, HELLO, name="Ann")
            await until(lambda: len(pool.stats().pids) == 1)
            assert await render(pool, HELLO, name="Ann") == "Hello Ann!"

    async def test_a_worker_is_replaced_after_its_term(self):
        async with running(workers=1, renders_per_worker=30) as pool:
            seen = set()
            for n in range(100):
                assert await render(pool, HELLO, name=n) == f"Hello {n}!"
                seen.update(pool.stats().pids)
            assert len(seen) >= 4
            await until(lambda: len(pool.stats().pids) == 1)

    async def test_no_descriptor_is_left_after_many_renders_and_kills(self):
        async with running(workers=4, render_seconds=0.05) as pool:
            await until(lambda: len(pool.stats().pids) == 4)
            before = psutil.Process().num_fds()
            for n in range(20):
                calls = [render(pool, HELLO, name=m) for m in range(15)]
                outcomes = await asyncio.gather(render(pool, f"{ENDLESS}{n}", f"t{n}"), *calls, return_exceptions=True)
                assert isinstance(outcomes[0], RenderLimitExceeded | Busy)
            await until(lambda: len(pool.stats().pids) == 4)
            await until(lambda: psutil.Process().num_fds() <= before)
            zygote = psutil.Process(pool.stats().zygote_pid)
            await until(lambda: len(zygote.children()) == 4)
            assert zygote.num_fds() <= 4

    async def test_an_interpreter_that_is_none_is_an_error_at_the_start(self):
        for interpreter in ("/nowhere/python", "/bin/false"):
            with pytest.raises(RendererUnavailable):
                await RenderPool(workers=1, limits=Limits(), python=interpreter).start()

    async def test_the_processes_know_nothing_of_the_server(self, pool):
        for pid in processes(pool):
            process = psutil.Process(pid)
            assert process.environ() in ({}, {"LC_CTYPE": "C.UTF-8"})
            assert process.cwd() == "/"
            loaded = {mapped.path for mapped in process.memory_maps()} if sys.platform == "linux" else set()
            assert not [path for path in loaded if "pydantic" in path or "psycopg" in path or "uvloop" in path]

    async def test_slow_work_gives_way_to_everyone_else(self):
        async with running(workers=1) as pool:
            task = asyncio.create_task(render(pool, ENDLESS))
            (pid,) = pool.stats().pids
            await until(lambda: psutil.Process(pid).nice() == 19, seconds=0.9)
            with pytest.raises(RenderLimitExceeded):
                await task


SERVER = """
import asyncio, uvloop
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.worker import RenderPool

async def main():
    pool = RenderPool(workers=3, limits=Limits(render_seconds=60.0, compile_seconds=60.0))
    await pool.start()
    while len(pool.stats().pids) < 3:
        await asyncio.sleep(0.01)
    hostile = asyncio.create_task(pool.render("k", [{endless!r}], {{}}, tenant="t"))
    await asyncio.sleep(0.05)
    print(pool.stats().zygote_pid, *pool.stats().pids, flush=True)
    await hostile

uvloop.run(main())
"""


def test_when_the_server_is_killed_no_process_outlives_it():
    script = textwrap.dedent(SERVER).format(endless=ENDLESS)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        pids = [int(word) for word in server.stdout.readline().split()]
        server.kill()
        assert len(pids) >= 4

    deadline = time.monotonic() + 2
    while any(map(lives, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(lives, pids))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_it_works_the_same_on_either_event_loop(run):
    async def work():
        async with running(workers=2) as pool:
            big = "x" * 1_000_000
            assert await asyncio.gather(*(render(pool, HELLO, name=big) for _ in range(4))) == [f"Hello {big}!"] * 4
            with pytest.raises(RenderLimitExceeded):
                await render(pool, ENDLESS)
            os.kill(pool.stats().zygote_pid, signal.SIGKILL)
            await asyncio.sleep(0.01)
            assert await render(pool, HELLO, name="Ann") == "Hello Ann!"

    run(work())


def _size(pid):
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        return 0


async def test_many_templates_are_analysed_together_like_each_alone():
    texts = [
        [HELLO],
        ["{% if %}"],
        ["{{ a }}", "{% include 'tone/warm' %}"],
        ["{% for x in xs %}{{ x }}{% endfor %}"],
        ["(" * 90 + "x" + ")" * 90],
        ["{{ " + "(" * 40 + "x" + ")" * 40 + " }}"],
    ]
    async with running() as pool:
        together = await pool.analyse_many(texts, tenant="tenant")
        assert together == [await pool.analyse(text, tenant="tenant") for text in texts]
        assert pool.stats().kills == 0


async def test_one_that_is_refused_in_company_is_asked_about_alone():
    """So deeply nested that Python cannot compile it: found only after the analysis, when the others are done."""
    deep = "{% if x %}" * 99 + "{% endif %}" * 99
    async with running() as pool:
        alone = await pool.analyse([deep], tenant="tenant")
        together = await pool.analyse_many([[HELLO], [deep], ["{{ y }}"]], tenant="tenant")
    assert alone.faults
    assert [found.faults for found in together] == [(), alone.faults, ()]
