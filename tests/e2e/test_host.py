# SPDX-License-Identifier: MIT
"""Hosts that do what servers do: none may notice the shim, whatever it finds around it."""
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

import pytest

BUILD = pathlib.Path(os.environ["CWSHIM_BUILD"])
LIBRARY = BUILD / "libcwshim.so"
PYTHON = "/usr/bin/python3"
TIMEOUT_S = 60

# A server of one client: accepts, serves, and forgets to close; says what it saw.
SERVE = """
def serve():
    import socket
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    served, _ = listener.accept()
    client.sendall(b"hello")
    client.shutdown(socket.SHUT_WR)
    got = b""
    while part := served.recv(100):
        got += part
    return got.decode(), served, client, listener
"""
LEAK = SERVE + "kept = serve(); print(kept[0], flush=True); kept[2].close()\n"
TERM = "import os; os.kill(os.getpid(), 15)\n"  # before the interpreter tidies up


def environment(sessions, **options):
    words = {"session_dir": sessions, "format": "json", "min_age": "0s"} | options
    return dict(os.environ, LD_PRELOAD=str(LIBRARY),
                CWSHIM_OPTIONS=":".join(f"{k}={v}" for k, v in words.items()))


def run(script, sessions, prefix=(), **options):
    return subprocess.run([*prefix, PYTHON, "-c", script], env=environment(sessions, **options),
                          text=True, capture_output=True, check=False, timeout=TIMEOUT_S)


def causes(path):
    return [f["cause"] for f in json.loads(pathlib.Path(path).read_text())["findings"]]


CLOSE_ALL = {
    "loop": "import os\nfor fd in range(3, 1000):\n    try: os.close(fd)\n    except OSError: pass\n",
    "closerange": "import os; os.closerange(3, 1 << 20)\n",
    "closefrom": "import ctypes; ctypes.CDLL(None).closefrom(3)\n",
    "close_range": "import ctypes; ctypes.CDLL(None).close_range(3, 0xffffffff, 0)\n",
}


@pytest.mark.parametrize("way", CLOSE_ALL)
def test_a_host_that_closes_everything(tmp_path, way):
    log = tmp_path / "log"
    first = SERVE + "serve()\n"  # so that there is a session before
    done = run(first + CLOSE_ALL[way] + LEAK + TERM, tmp_path / "s", log_path=log)
    assert done.returncode == -signal.SIGTERM and done.stdout == "hello\n", done.stderr
    assert causes(log) == ["eof-read-not-closed"] and done.stderr == ""


def test_a_daemon_of_two_forks(tmp_path):
    log = tmp_path / "log"
    daemon = ("import os\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n"
              "os.chdir('/')\n" + LEAK + TERM)
    done = run(daemon, tmp_path / "s", log_path=log)
    assert done.returncode == 0
    wait_until(lambda: log.exists() and causes(log) == ["eof-read-not-closed"])


def wait_until(condition):
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            if condition():
                return
        except (OSError, ValueError):
            pass
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_chroot_does_not_end_the_recording(tmp_path):
    jail = tmp_path / "jail"
    jail.mkdir()
    script = SERVE + f"serve()\nimport os; os.chroot({str(jail)!r}); os.chdir('/')\n" + LEAK + TERM
    done = run(script, tmp_path / "s")
    assert done.returncode == -signal.SIGTERM and done.stdout == "hello\n"
    # No reporter can be reached in there: the library tells by itself, and the session stays.
    assert "1 socket, fd" in done.stderr and "eof-read-not-closed" in done.stderr
    report = subprocess.run([BUILD / "cwshim", "report", f"--session-dir={tmp_path}/s",
                             "--format=json", "--min-age=0"], text=True, capture_output=True,
                            check=False, timeout=TIMEOUT_S)
    assert [f["cause"] for f in json.loads(report.stdout)["findings"]] == ["eof-read-not-closed"]


def test_privileges_are_dropped(tmp_path):
    script = SERVE + "serve()\nimport os; os.setgid(65534); os.setuid(65534)\n" + LEAK + TERM
    done = run(script, tmp_path / "s")
    assert done.returncode == -signal.SIGTERM and done.stdout == "hello\n"
    assert "eof-read-not-closed" in done.stderr


# The first child after this is the first process of a namespace, and the script's own.
NAMESPACE = """
import ctypes, os, signal
assert ctypes.CDLL(None).unshare(0x20000000) == 0  # CLONE_NEWPID
os.kill(os.getpid(), signal.SIGRTMAX - 3)
if (child := os.fork()) == 0:
    os._exit(os.getpid())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_a_host_that_makes_a_pid_namespace(tmp_path):
    """No reporter is started there: it would be that first process, and end the namespace."""
    done = run(LEAK + NAMESPACE + TERM, tmp_path / "s")
    assert done.returncode == -signal.SIGTERM and done.stdout == "hello\n1\n"
    assert done.stderr.count("no reporter could be started") == 2, done.stderr


def limited_to(limit, tmp_path, script=""):
    log = tmp_path / "log"
    limits = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))\n"
    done = run(limits + LEAK + script + TERM, tmp_path / "s", log_path=log)
    assert done.returncode == -signal.SIGTERM and done.stdout == "hello\n", done.stderr
    [finding] = json.loads(log.read_text())["findings"]
    assert finding["count"] == 1
    return finding


def test_few_descriptors(tmp_path):
    limited_to(64, tmp_path)


def test_the_highest_descriptor_there_can_be(tmp_path):
    """A million where it is permitted; the table is not sized by the limit."""
    limit = 1 << 20
    try:
        resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE, (limit, limit))
    except (OSError, ValueError):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    move = f"import os; os.dup2(kept[1].fileno(), {limit - 1}); kept[1].close()\n"
    finding = limited_to(limit, tmp_path, move)
    assert [h["fd"] for h in finding["sockets"][0]["holders"]] == [limit - 1]


def refused(done):
    assert done.returncode == -signal.SIGTERM and done.stdout == "hello\n"
    refusal, *report = done.stderr.splitlines()
    assert refusal.startswith("cwshim: recording in memory only: "), done.stderr
    assert "cwshim: 1 socket, fd" in "\n".join(report) and "eof-read-not-closed" in done.stderr


def test_a_directory_that_is_missing_is_made(tmp_path):
    run(LEAK + TERM, tmp_path / "s", log_path=tmp_path / "log")
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700


def test_a_directory_below_a_missing_one(tmp_path):
    refused(run(LEAK + TERM, tmp_path / "no" / "s"))


def test_a_directory_that_is_a_link(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "s").symlink_to(tmp_path / "real")
    refused(run(LEAK + TERM, tmp_path / "s"))
    assert os.listdir(tmp_path / "real") == []


def test_a_directory_that_others_can_write(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s").chmod(0o777)
    refused(run(LEAK + TERM, tmp_path / "s"))


def test_a_directory_of_someone_else(tmp_path):
    (tmp_path / "s").mkdir(mode=0o700)
    os.chown(tmp_path / "s", 65534, 65534)
    refused(run(LEAK + TERM, tmp_path / "s"))


def test_a_file_in_place_of_the_directory(tmp_path):
    (tmp_path / "s").write_text("")
    refused(run(LEAK + TERM, tmp_path / "s"))


@pytest.mark.parametrize("size", ["4k", "64k", "160k", "400k"])
def test_a_full_file_system(tmp_path, size):
    """A file system of its own, too small for the session; never a SIGBUS."""
    mount = f"mount -t tmpfs -o size={size},mode=700 none {tmp_path} && exec \"$@\""
    many = LEAK + SERVE + "more = [serve() for _ in range(300)]\n"
    done = run(many + TERM, tmp_path, prefix=("unshare", "-m", "sh", "-c", mount, "sh"), at_exit=0)
    assert done.returncode == -signal.SIGTERM and done.stdout == "hello\n", done.stderr
    assert len(done.stderr.splitlines()) <= 1


def test_a_limit_of_file_size(tmp_path):
    script = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    refused(run(script + LEAK + TERM, tmp_path / "s"))


def test_a_process_without_sockets_leaves_nothing(tmp_path):
    done = run("print(6 * 7)", tmp_path / "s")
    assert done.stdout == "42\n" and done.stderr == "" and not (tmp_path / "s").exists()


def test_not_a_byte_into_a_clients_connection(tmp_path):
    """As from inetd: the standard descriptors are the connection."""
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.close()
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            socket.create_connection(listener.getsockname()) as ours:
        theirs, _ = listener.accept()
        with theirs:
            (tmp_path / "s").write_text("")  # so that there is something to say
            server = subprocess.Popen([PYTHON, "-c", LEAK + TERM], stdin=theirs, stdout=theirs,
                                      stderr=theirs, env=environment(tmp_path / "s"))
        assert server.wait(TIMEOUT_S) == -signal.SIGTERM
        ours.settimeout(TIMEOUT_S)
        got = b""
        while part := ours.recv(100):
            got += part
        assert got == b"hello\n"


SIGNALS = {
    "blocks_all": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n",
    "resets_all": "import signal\nfor n in range(1, 65):\n"
                  "    try: signal.signal(n, signal.SIG_DFL)\n    except (OSError, ValueError): pass\n",
}


@pytest.mark.parametrize("manner", SIGNALS)
def test_the_report_signal_comes_through(tmp_path, manner):
    log = tmp_path / "log"
    script = LEAK + SIGNALS[manner] + "print('READY', flush=True)\nimport sys; sys.stdin.read()\n"
    server = subprocess.Popen([PYTHON, "-c", script], stdin=subprocess.PIPE, text=True,
                              stdout=subprocess.PIPE, env=environment(tmp_path / "s", log_path=log))
    try:
        assert server.stdout.readline() == "hello\n" and server.stdout.readline() == "READY\n"
        server.send_signal(signal.SIGRTMAX - 3)
        wait_until(lambda: causes(log) == ["eof-read-not-closed"])
    finally:
        server.kill()
        server.wait()
        server.stdin.close()
        server.stdout.close()


def documents(path):
    """The causes of each report in a log to which several were appended."""
    text, at, found = path.read_text() if path.exists() else "", 0, []
    try:
        while text[at:].strip():
            report, length = json.JSONDecoder().raw_decode(text[at:].lstrip())
            found.append([finding["cause"] for finding in report["findings"]])
            at = len(text) - len(text[at:].lstrip()) + length
    except ValueError:
        return []  # not written to its end yet
    return found


ASK = f"import os; os.kill(os.getpid(), {signal.SIGRTMAX - 3})\n"


def test_each_report_signal_is_answered(tmp_path):
    """The report is made beside the host, so the next signal may come while it still is."""
    log = tmp_path / "log"
    script = LEAK + ASK * 3 + "print('READY', flush=True)\nimport sys; sys.stdin.read()\n"
    server = subprocess.Popen([PYTHON, "-c", script], stdin=subprocess.PIPE, text=True,
                              stdout=subprocess.PIPE, env=environment(tmp_path / "s", log_path=log))
    try:
        assert server.stdout.readline() == "hello\n" and server.stdout.readline() == "READY\n"
        wait_until(lambda: documents(log) == [["eof-read-not-closed"]] * 3)
    finally:
        server.kill()
        server.wait()
        server.stdin.close()
        server.stdout.close()


def test_a_report_asked_for_just_before_the_end(tmp_path):
    log = tmp_path / "log"
    done = run(LEAK + ASK + "os._exit(0)\n", tmp_path / "s", log_path=log, at_exit=0)
    assert done.returncode == 0 and done.stderr == ""
    wait_until(lambda: documents(log) == [["eof-read-not-closed"]])


def test_what_is_closed_after_the_signal_ends_at_once_for_its_peer(tmp_path):
    """Who makes the report keeps no connection alive, however many there are."""
    script = SERVE + "crowd = [serve() for _ in range(200)]\n" + ASK + """
for _, served, client, _ in crowd:
    served.close()
    client.settimeout(60)
    assert client.recv(1) == b""
print("ENDED")
os._exit(0)
"""
    done = run(script, tmp_path / "s", log_path=tmp_path / "log")
    assert done.returncode == 0 and done.stdout == "ENDED\n", done.stderr


def test_a_server_that_executes_itself_anew(tmp_path):
    """As an upgrade of nginx does: the listener goes on, what was accepted before does not."""
    log = tmp_path / "log"
    again = SERVE + """
import os, socket, sys
if len(sys.argv) > 1:
    listener = socket.socket(fileno=int(sys.argv[1]))
    client = socket.create_connection(listener.getsockname())
    served, _ = listener.accept()
    client.close()
    while served.recv(100):
        pass
    print("again", flush=True)
    os.kill(os.getpid(), 15)
listener = serve()[3]
os.set_inheritable(listener.fileno(), True)
os.execv(sys.executable, [sys.executable, "-c", os.environ["SCRIPT"], str(listener.fileno())])
"""
    env = environment(tmp_path / "s", log_path=log) | {"SCRIPT": again}
    done = subprocess.run([PYTHON, "-c", again], env=env, text=True, capture_output=True,
                          check=False, timeout=TIMEOUT_S)
    assert done.returncode == -signal.SIGTERM and done.stdout == "again\n", done.stderr
    [finding] = json.loads(log.read_text())["findings"]
    assert finding["cause"] == "eof-read-not-closed" and finding["count"] == 1
    assert finding["sockets"][0]["role"] == "accepted"


@pytest.mark.parametrize("way", ["prctl", "syscall", "launch"])
def test_a_sandbox_that_kills(tmp_path, way):
    """Once the filter is on, the shim makes no system call; what it recorded before stays."""
    done = subprocess.run([BUILD / "targets" / "sandbox", way], env=environment(tmp_path / "s"),
                          text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                          timeout=TIMEOUT_S)
    assert done.returncode == 7 and done.stderr == "", (done.returncode, done.stderr)
    assert done.stdout == "SERVED\nSERVED\n" + ("READY\n" if way == "launch" else "")
    if way == "launch":
        return  # recorded in memory, which is gone
    listed = subprocess.run([BUILD / "cwshim", "list", "--format=json",
                             f"--session-dir={tmp_path}/s"], text=True, capture_output=True,
                            check=True, timeout=TIMEOUT_S)
    [session] = json.loads(listed.stdout)["sessions"]
    assert "sandbox" in session["off"] and session["state"] == "exited 7"


def cwshim(*arguments):
    return subprocess.run([BUILD / "cwshim", *arguments], text=True, capture_output=True,
                          check=False, timeout=TIMEOUT_S)


def test_a_container_is_no_sandbox(tmp_path):
    """A filter that even the first process is under was not made for this program."""
    target = BUILD / "targets" / "sandbox"
    for way, words, off in (("runtime", {}, None), ("container", {}, None),
                            ("runtime", {"seccomp": "avoid"}, "memory only: sandbox")):
        sessions = tmp_path / f"{way}{len(words)}"
        with subprocess.Popen(["unshare", "--pid", "--fork", "--mount-proc", target, way], text=True,
                              env=environment(sessions, **words), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            while process.stdout.readline() != "READY\n":
                assert process.poll() is None
            sessions.mkdir(mode=0o700, exist_ok=True)
            listed = cwshim("list", "--format=json", f"--session-dir={sessions}")
            rows = [(row["off"], row["session"] is None) for row in json.loads(listed.stdout)["sessions"]
                    if "sandbox work" in row["command"]]
            assert rows == [(off, off is not None)]


def test_a_filter_that_is_trusted(tmp_path):
    """As that of a systemd service: the user says that it lets us work."""
    log = tmp_path / "log"
    done = subprocess.run([BUILD / "targets" / "sandbox", "runtime"], stdin=subprocess.DEVNULL,
                          env=environment(tmp_path / "s", log_path=log, seccomp="trust", verbose=1),
                          text=True, capture_output=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 7 and "recording is on" in done.stderr
    assert list((tmp_path / "s").iterdir()) == [] and not log.exists()  # clean, and recorded


UNRECORDED = {
    "sandbox": ([BUILD / "targets" / "sandbox", "launch"], "memory only: sandbox", "a seccomp filter"),
    "refused": ([PYTHON, "-c", LEAK + "print('READY', flush=True)\ninput()"], "memory only: no session",
                "it could have no session"),
}


@pytest.mark.parametrize("why", UNRECORDED)
def test_a_process_without_a_session_file_is_seen(tmp_path, why):
    command, off, reason = UNRECORDED[why]
    elsewhere = f"--session-dir={tmp_path}/other"
    (tmp_path / "s").write_text("")  # no directory
    (tmp_path / "other").mkdir(mode=0o700)
    with subprocess.Popen(command, env=environment(tmp_path / "s"), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while process.stdout.readline() != "READY\n":
            assert process.poll() is None
        rows = json.loads(cwshim("list", "--format=json", elsewhere).stdout)["sessions"]
        [row] = [row for row in rows if row["pid"] == process.pid]
        assert (row["off"], row["state"], row["session"]) == (off, "running", None)
        report = json.loads(cwshim("report", "--format=json", elsewhere).stdout)
        [told] = [p for p in report["processes"] if p["pid"] == process.pid]
        assert told["shim"] and any(reason in limit for limit in told["limits"])
        assert f"pid {process.pid}" in cwshim("report", elsewhere).stdout
        doctor = cwshim("doctor", elsewhere, str(process.pid))
        assert doctor.returncode == 0 and reason in doctor.stdout and "memory alone" in doctor.stdout


def run_of(tmp_path, *command, prefix=()):
    """What `cwshim run` says of a command: its status, its report as text, and as JSON."""
    (tmp_path / "sessions").mkdir(mode=0o700, exist_ok=True)
    words = [*prefix, BUILD / "cwshim", "run", f"--session-dir={tmp_path}/sessions", "--min-age=0"]
    shown = [subprocess.run([*words, *more, "--", *command], stdin=subprocess.DEVNULL, text=True,
                            capture_output=True, check=False, timeout=TIMEOUT_S)
             for more in ((), ("--format=json", f"--output={tmp_path}/run.json"))]
    assert shown[0].returncode == shown[1].returncode
    assert os.listdir(tmp_path / "sessions") == []
    return shown[0].returncode, shown[0].stderr, json.loads((tmp_path / "run.json").read_text())


def test_run_tells_of_a_process_under_a_filter(tmp_path):
    """Though it made no session, and is gone."""
    status, text, report = run_of(tmp_path, BUILD / "targets" / "sandbox", "launch")
    assert status == 7 and "seccomp filter" in text
    [process] = report["processes"]
    assert process["shim"] and "seccomp filter" in process["limits"][0]


def test_run_tells_of_a_process_that_could_have_no_session(tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    status, text, report = run_of(tmp_path, PYTHON, "-c", limit + LEAK)
    assert status == 0 and "it could have no session" in text
    [process] = report["processes"]
    assert process["limits"][0].startswith("it could have no session, as its standard error said")


def test_run_trusts_the_filter_that_it_is_under_itself(tmp_path):
    """As in a container that shares its host's processes, or in a service."""
    target = BUILD / "targets" / "sandbox"
    status, _, report = run_of(tmp_path, PYTHON, "-c", LEAK, prefix=(target, "under"))
    assert status == 0 and [f["cause"] for f in report["findings"]] == ["eof-read-not-closed"]
    assert run_of(tmp_path, target, "runtime", prefix=(target, "under"))[2]["processes"]


def test_children_share_the_session_of_their_parent(tmp_path):
    """They have none of their own, and miss nothing."""
    script = LEAK + "import os\nif not os.fork(): input()\nprint('READY', flush=True)\nos.wait()\n"
    with subprocess.Popen([PYTHON, "-c", script], env=environment(tmp_path / "s"), text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "hello\n" and process.stdout.readline() == "READY\n"
        rows = json.loads(cwshim("list", "--format=json", f"--session-dir={tmp_path}/s").stdout)
        assert [r["pid"] for r in rows["sessions"] if script in r["command"]] == [process.pid]


EXHAUSTED = SERVE + """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
kept = []
try:
    while True:
        kept.append(serve())
except OSError as error:
    print(error.errno, len(kept) > 3, flush=True)
"""


# Killed, so that what is in the log can only come from the threshold; not before it is there.
KILLED = TERM.replace("15", "9")


def await_file(path):
    return ("import os, time\nend = time.monotonic() + 50\n"
            f"while not os.path.exists({str(path)!r}) and time.monotonic() < end: time.sleep(0.02)\n")


def test_a_report_when_descriptors_run_out(tmp_path):
    log = tmp_path / "log"
    done = run(EXHAUSTED + await_file(log) + KILLED, tmp_path / "s", log_path=log)
    assert done.returncode == -signal.SIGKILL and done.stdout == "24 True\n", done.stderr
    wait_until(lambda: json.loads(log.read_text())["reason"] == "threshold")
    assert causes(log) == ["eof-read-not-closed", "fd-exhaustion"]


def test_a_report_at_so_many_ended_sockets(tmp_path):
    log = tmp_path / "log"
    script = SERVE + "kept = []\nfor _ in range(5):\n    kept.append(serve())\n    kept[-1][2].close()\n"
    run(script + KILLED, tmp_path / "s", log_path=log, report_at=6)
    assert not log.exists()
    run(script + await_file(log) + KILLED, tmp_path / "s", log_path=log, report_at=3)
    wait_until(lambda: json.loads(log.read_text())["reason"] == "threshold")
    assert causes(log) == ["eof-read-not-closed"]
