# SPDX-License-Identifier: MIT
"""`cwshim report PID` reaches processes of other users and in other namespaces, and relatives
wherever they are.  As root, as the users of namespaces are."""

import os
import shutil
import tempfile

import pytest

from lab import COMMAND, assert_report, load_report

LEAKING = ("eof_not_closed", "--clients=2")
NOBODY = 65534
TOOLS = ("unshare", "setpriv", "mount", "ip")


@pytest.fixture(autouse=True)
def tools():
    for tool in TOOLS:
        assert shutil.which(tool), f"{tool} is missing"
    assert os.geteuid() == 0


@pytest.fixture
def nobodys_runtime_dir():
    path = tempfile.mkdtemp(prefix="cwshim-test-")
    os.chown(path, NOBODY, NOBODY)
    yield path
    shutil.rmtree(path)


def start_in(lab, prefix, *argv, **options):
    env = lab.environment(at_exit=0, **options)
    preload = ["env", f"LD_PRELOAD={env.pop('LD_PRELOAD')}"]
    path = COMMAND.parent / "targets" / argv[0]
    return lab._start([*prefix, *preload, path, *argv[1:]], env)


def check(lab, running):
    report, status = lab.report(running.pid)
    assert_report(report, running.expects)
    assert status == 1
    [finding] = report["findings"]
    assert finding["confirmed"]
    assert {sock["tcp_state"] for sock in finding["sockets"]} == {"CLOSE_WAIT"}
    assert {sock["recv_q"] for sock in finding["sockets"]} == {0}
    return report


def test_another_users_process(lab, nobodys_runtime_dir):
    env = lab.environment(session_dir=None, log_path="/dev/null", at_exit=0)
    env["XDG_RUNTIME_DIR"] = nobodys_runtime_dir
    running = lab.start(*LEAKING, env=env, preexec_fn=lambda: os.setuid(NOBODY)).wait_ready()
    assert len(os.listdir(f"{nobodys_runtime_dir}/cwshim")) == 1
    check(lab, running)
    assert running.finish() == 0


def test_a_process_in_another_mount_namespace(lab):
    hidden = lab.root / "hidden"
    hidden.mkdir()
    script = f'mount -t tmpfs -o mode=700 none {hidden} && exec "$@"'
    running = start_in(lab, ["unshare", "--mount", "sh", "-c", script, "sh"], *LEAKING,
                       session_dir=hidden).wait_ready()
    assert os.listdir(hidden) == []
    check(lab, running)
    assert running.finish() == 0


def test_the_program_too_may_be_seen_there_alone(lab):
    """Lines come from the file as the process sees it."""
    hidden = lab.root / "hidden"
    hidden.mkdir()
    program = COMMAND.parent / "targets" / LEAKING[0]
    script = f'mount -t tmpfs none {hidden} && cp {program} {hidden}/server && exec "$@"'
    env = lab.environment(session_dir=hidden, log_path="/dev/null", at_exit=0)
    preload = f"LD_PRELOAD={env.pop('LD_PRELOAD')}"
    running = lab._start(["unshare", "--mount", "sh", "-c", script, "sh", "env", preload,
                          hidden / "server", "--clients=1"], env).wait_ready()
    assert not (hidden / "server").exists()
    check(lab, running)
    assert running.finish() == 0


def in_network_namespace(lab):
    script = 'ip link set lo up && exec "$@"'
    return start_in(lab, ["unshare", "--net", "sh", "-c", script, "sh"], *LEAKING).wait_ready()


def test_a_process_in_another_network_namespace(lab):
    running = in_network_namespace(lab)
    report = check(lab, running)
    assert [p["limits"] for p in report["processes"]] == [[]]
    by_path, status = lab.report(*lab.session_dir.glob("*.cws"))
    assert_report(by_path, running.expects)
    assert status == 1
    everything, _ = lab.report()
    assert_report(everything, running.expects)
    assert running.finish() == 0


def test_a_network_namespace_that_may_not_be_entered(lab):
    """What the session and the descriptors themselves tell is there; what is missing is said."""
    running = in_network_namespace(lab)
    output = lab.root / "less.json"
    argv = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", COMMAND, "report",
            "--format=json", "--min-age=0", f"--output={output}", running.pid]
    less = lab._start(argv, lab.environment(preload=False))
    assert less.finish() == 1, less.stderr
    report = load_report(output)
    assert_report(report, running.expects)
    [process] = report["processes"]
    assert any("network namespace" in limit for limit in process["limits"])
    assert running.finish() == 0


GRANDCHILD = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
reader, writer = os.pipe()
if os.fork() == 0:
    grandchild = os.fork()
    if grandchild:
        os.write(writer, b"%d" % grandchild)
        os._exit(0)
    os.setsid()
    os.read(0, 1)
    os._exit(0)
os.wait()
print("GRANDCHILD", os.read(reader, 100).decode(), flush=True)
print("READY", flush=True)
os.read(0, 1)
"""


def test_a_grandchild_without_a_session_leads_to_its_family(lab):
    """The child between them has ended, so that nothing in /proc tells whose child it was."""
    running = lab._start(["/usr/bin/python3", "-c", GRANDCHILD],
                         lab.environment(at_exit=0)).wait_ready()
    report, status = lab.report(running.fact("GRANDCHILD"))
    assert running.pid in {process["pid"] for process in report["processes"]}
    assert report["findings"] == [] and status == 0
    assert running.finish() == 0


def test_a_relative_with_a_directory_of_its_own(lab, nobodys_runtime_dir):
    """A worker that has changed its user keeps its session elsewhere; each leads to the other."""
    script = f"""
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
reader, writer = os.pipe()
worker = os.fork()
if worker == 0:
    os.setuid({NOBODY})
    own = socket.create_server(("127.0.0.1", 0))
    os.write(writer, b".")
    os.read(0, 1)
    os._exit(0)
os.read(reader, 1)
print("WORKER", worker, flush=True)
print("READY", flush=True)
os.wait()
"""
    running = lab._start(["/usr/bin/python3", "-c", script],
                         lab.environment(at_exit=0)).wait_ready()
    worker = int(running.fact("WORKER"))
    assert [p.name.split("-")[0] for p in lab.session_dir.glob("*.cws")] == [str(running.pid)]
    for pid in (worker, running.pid):
        report, _ = lab.report(pid)
        assert {p["pid"] for p in report["processes"]} == {worker, running.pid}
    assert running.finish() == 0


def test_a_thread_that_waits_for_a_name_server(lab):
    """One that never answers, in a network and with a resolv.conf of its own."""
    conf = lab.root / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1\n")
    script = f'ip link set lo up && mount --bind {conf} /etc/resolv.conf && exec "$@"'
    running = start_in(lab, ["unshare", "--net", "--mount", "sh", "-c", script, "sh"],
                       "stuck_thread", "--shape=resolver").wait_ready()
    report, _ = lab.report(running.pid)
    assert_report(report, running.expects)
    assert "waits for a name server" in report["findings"][0]["explanation"]
    running.destroy()
