"""What a process can still do once it is confined: tried for real, in a process of its own."""

import json
import platform
import subprocess
import sys
import textwrap

LINUX = sys.platform == "linux"

_SCRIPT = """
import ctypes, json, mmap, os, resource, signal, socket, subprocess, sys, time
from dakora_server.core.templates.confine import Walls

walls = Walls(256 * 1024 * 1024)
walls.leave_network()
network = [name for _, name in socket.if_nameindex()] if hasattr(socket, "if_nameindex") else []
walls.measure()
os.closerange(3, 64)
report = walls.confine(zygote=os.getppid()).to_json()
tried = {}

def attempt(name, action):
    try:
        action()
    except BaseException as error:
        tried[name] = type(error).__name__
    else:
        tried[name] = "done"

{attempts}

attempt("arithmetic", lambda: sum(range(1000)))
attempt("clock", time.monotonic)
os.write(1, json.dumps({"report": report, "tried": tried, "network": network}).encode())
os._exit(0)
"""


def confined(attempts):
    script = _SCRIPT.replace("{attempts}", textwrap.dedent(attempts))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=30)
    assert done.stdout, done.stderr.decode()
    return json.loads(done.stdout)


def test_no_file_socket_or_process_can_be_opened():
    found = confined("""
        attempt("open", lambda: os.open("/etc/passwd", os.O_RDONLY))
        attempt("create", lambda: os.open("/tmp/made-by-a-template", os.O_CREAT | os.O_WRONLY))
        attempt("listdir", lambda: os.listdir("/"))
        attempt("stat", lambda: os.stat("/etc/passwd"))
        attempt("socket", socket.socket)
        attempt("unix socket", lambda: socket.socket(socket.AF_UNIX))
        attempt("pair", socket.socketpair)
        attempt("pipe", os.pipe)
        attempt("dup", lambda: os.dup(1))
        attempt("fork", os.fork)
        attempt("exec", lambda: os.execv("/bin/true", ["true"]))
        attempt("run", lambda: subprocess.run(["/bin/true"]))
        attempt("kill", lambda: os.kill(os.getppid(), 0))
        attempt("nice", lambda: os.nice(-1))
        attempt("rlimit", lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
        attempt("chdir", lambda: os.chdir("/"))
        attempt("unlink", lambda: os.unlink("/tmp/nothing"))
        attempt("executable memory", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC))
        attempt("plain memory", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE))
        """)

    assert found["report"]["system_calls"] is (LINUX and platform.machine() in {"x86_64", "aarch64"})
    harmless = {"arithmetic", "clock", "plain memory"}
    done = {name for name, outcome in found["tried"].items() if outcome == "done"}
    assert done == harmless if found["report"]["system_calls"] else harmless < done


def test_memory_is_bounded():
    found = confined("""
        attempt("64 MiB", lambda: bytearray(64 * 1024 * 1024))
        attempt("300 MiB", lambda: bytearray(300 * 1024 * 1024))
        attempt("again", lambda: bytearray(64 * 1024 * 1024))
        """)

    assert found["report"]["memory"] is LINUX
    assert found["tried"]["64 MiB"] == found["tried"]["again"] == "done"
    assert found["tried"]["300 MiB"] == ("MemoryError" if LINUX else "done")


def test_what_the_report_claims_is_so():
    found = confined("""
        attempt("root", lambda: 1 / (os.geteuid() != 0))
        """)

    if found["report"]["user"]:
        assert found["tried"]["root"] == "done"
    if found["report"]["network"]:
        assert found["network"] in ([], ["lo"])


def test_a_confined_process_still_computes_and_answers():
    assert confined("")["tried"] == {"arithmetic": "done", "clock": "done"}


def test_a_worker_whose_zygote_is_gone_already_does_not_start():
    script = _SCRIPT.replace("{attempts}", "").replace("zygote=os.getppid()", "zygote=1_000_000_000")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=30)

    assert (done.stdout == b"") is LINUX
