# SPDX-License-Identifier: MIT
"""`cwshim run` copies what processes record in their memory alone, so that it outlives them."""

import os
import re

import pytest

from lab import BUILD, COMMAND, assert_report, load_report, wait_until
from samples import OFTEN, await_samples
from test_host import LEAK
from test_memory_only import BEFORE

WAYS = ("launch", "under", "thread", "child")


def copies(pid):
    """The copies that the command holds, by number: each sample makes new ones."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if "cwshim-copy" in os.readlink(f"/proc/{pid}/fd/{fd}"):
                found.add(os.stat(f"/proc/{pid}/fd/{fd}").st_ino)
        except FileNotFoundError:
            pass
    return found


def await_copy(running):
    """Until one was made that was begun after the call."""
    for _ in range(2):
        before = copies(running.pid)
        wait_until(lambda: copies(running.pid) - before, "another copy")


def ended(lab, *args):
    running = lab.run("sandbox_leak", *args, options=[OFTEN]).wait_ready()
    await_copy(running)
    assert running.finish() == 0, running.stderr
    return running, load_report(lab.run_output)


def blamed(report):
    [finding] = report["findings"]
    [process] = [p for p in report["processes"] if p["pid"] == finding["pid"]]
    return process


@pytest.mark.parametrize("way", WAYS)
def test_what_was_recorded_under_a_filter_outlives_its_process(lab, way):
    running, report = ended(lab, way)
    assert_report(report, running.expects)
    [finding] = report["findings"]
    assert not finding["confirmed"] and finding["confidence"] == "medium"
    assert {sock["tcp_state"] for sock in finding["sockets"]} == {"CLOSE_WAIT"}
    said = " ".join(blamed(report)["limits"])
    assert "seccomp filter" in said and "nothing is left" not in said
    assert re.search(r"read last \d+\.\d s before it was seen to have ended", said)


def test_an_end_that_nobody_read(lab):
    """What the kernel said with the last copy is all there is."""
    _, report = ended(lab, "launch", "--unread")
    [finding] = report["findings"]
    assert finding["verdict"] == "leak" and finding["count"] == 3 and not finding["confirmed"]
    assert {sock["recv_q"] for sock in finding["sockets"]} == {1}


@pytest.mark.parametrize("way", WAYS)
def test_the_correct_twin_is_silent(lab, way):
    _, report = ended(lab, way, "--fixed")
    assert report["findings"] == []


REFUSED = ("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n" + LEAK
           + "print('READY', flush=True)\nimport sys\nsys.stdin.read()\n")


def start_script(lab, script):
    argv = [COMMAND, "run", f"--session-dir={lab.session_dir}", "--min-age=0", OFTEN,
            "--format=json", f"--output={lab.run_output}", "--", "/usr/bin/python3", "-c", script]
    return lab._start(argv, lab.environment(preload=False, options="")).wait_ready()


def test_what_was_recorded_without_a_file_outlives_its_process(lab):
    """Killed, it cannot report by itself."""
    running = start_script(lab, REFUSED + "import os\nos.kill(os.getpid(), 9)\n")
    await_copy(running)
    assert running.finish() == 128 + 9
    report = load_report(lab.run_output)
    assert [f["cause"] for f in report["findings"]] == ["eof-read-not-closed"]
    assert "could have no session" in " ".join(blamed(report)["limits"])


def test_nobody_is_traced_or_stopped(lab):
    """The copy is read from /proc: TracerPid stays 0, and no stop is seen by a parent that asks."""
    running = lab.run("sandbox_leak", "launch", options=[OFTEN]).wait_ready()
    with open(f"/proc/{running.pid}/task/{running.pid}/children", encoding="ascii") as children:
        [pid] = children.read().split()
    seen = set()

    def has_copied_often():
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            seen.update(line.strip() for line in status if line.startswith(("TracerPid", "State")))
        numbers.update(copies(running.pid))
        return len(numbers) > 5

    numbers = set()
    wait_until(has_copied_often, "some copies")
    assert {line.split()[1] for line in seen if line.startswith("TracerPid")} == {"0"}
    assert not {line.split()[1] for line in seen if line.startswith("State")} & {"T", "t"}
    assert running.finish() == 0


def test_no_copy_without_need(lab):
    """A process with a session file is not looked at."""
    running = lab.run("eof_not_closed", options=[OFTEN]).wait_ready()
    assert not copies(running.pid)
    assert running.finish() == 0
    assert len(load_report(lab.run_output)["findings"]) == 1


# What ends long before the report is made: the shell waits for its input.
SHORT = '/usr/bin/python3 -c "$0" && echo READY && read line; true'


def unrecorded(lab, *command, options=(OFTEN,)):
    argv = [COMMAND, "run", f"--session-dir={lab.session_dir}", "--min-age=0", *options,
            "--format=json", f"--output={lab.run_output}", "--", *command]
    return lab._start(argv, lab.environment(preload=False, options=""))


@pytest.mark.parametrize("way", BEFORE)
def test_who_could_have_no_session_and_has_ended_is_named(lab, way):
    """However it came: also where the command can be told nothing by name, as in a chroot, or only
    at the end, when there is a descriptor again."""
    script = BEFORE[way] + LEAK + "print('PID', os.getpid(), flush=True)\n"
    running = unrecorded(lab, "sh", "-c", SHORT, "import os\n" + script).wait_ready()
    assert running.finish() == 0, running.stderr
    report = load_report(lab.run_output)
    [process] = [p for p in report["processes"] if p["pid"] == int(running.fact("PID"))]
    assert "python3" in process["cmdline"][0] and process["ended"]
    assert any("it could have no session" in limit for limit in process["limits"])


def test_who_was_under_a_filter_and_has_ended_is_named(lab):
    target = BUILD / "targets" / "sandbox_leak"
    running = unrecorded(lab, "sh", "-c", f"{target} launch </dev/null && read line; true")
    running.wait_ready()
    assert running.finish() == 0, running.stderr
    report = load_report(lab.run_output)
    assert any("seccomp filter" in limit for p in report["processes"] for limit in p["limits"])


@pytest.mark.parametrize("is_command", [True, False])
def test_who_runs_without_the_library_is_named(lab, is_command):
    """Its environment is emptied, as by sudo; it leaves a connection in CLOSE_WAIT and ends."""
    script = LEAK + ("import os\nprint('PID', os.getpid(), flush=True)\nprint('READY', flush=True)\n"
                     "os.read(0, 1)\n")
    bare = ["env", "-i", "/usr/bin/python3", "-c", script]
    command = bare if is_command else ["sh", "-c", '"$0" "$@"; true', *bare]
    running = unrecorded(lab, *command).wait_ready()
    await_samples(running)
    assert running.finish() == 0, running.stderr
    report = load_report(lab.run_output)
    [process] = [p for p in report["processes"] if p["pid"] == int(running.fact("PID"))]
    assert not process["shim"] and process["limits"] == [
        "it ran without the library: nothing of it is recorded (`cwshim doctor` says why)"]
    assert "python3" in process["cmdline"][0]
