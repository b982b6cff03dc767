# SPDX-License-Identifier: MIT
"""Runs a real server twice, bare and under the shim, and compares what its clients saw.

A scenario is a function of one Run: it starts the server, drives it as clients would, stops it and
returns everything that was seen, without what differs from run to run (ports, dates, process ids).
compare() calls it both ways and then demands of the shim: the same was seen, the same way to end,
no leak or stall in any report, sockets were recorded, and nothing switched itself off.

Everything runs on loopback below a directory of its own that any user can read, for many servers
drop their privileges.  Every process started is ended, by its id.
"""

import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BUILD = pathlib.Path(os.environ["CWSHIM_BUILD"])
DEADLINE_S = 30
MARK = "CWSHIM_INTEROP_RUN"  # in the environment of all that a run starts


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """The first true value of condition(); fails the test when the deadline passes."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {deadline_s} s: {what}")


def free_port():
    """A port that was free a moment ago, for servers that cannot be told to choose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def version_of(*argv):
    """The first version number in what the command prints about itself."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    return re.search(r"\d+(\.\d+)+[\w.+-]*", done.stdout + done.stderr)[0]


def user_for(name):
    """Arguments of Popen that give up root for this user; none for those who are not root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Run:
    """One run of a scenario.  `directory` is its own; `is_shimmed` says which way it is."""

    def __init__(self, directory, is_shimmed):
        self.directory = pathlib.Path(directory)
        self.is_shimmed = is_shimmed
        self.sessions = self.directory / "sessions"
        self.reports = self.directory / "reports"
        # Workers change their user: both are for everybody, as /tmp is.  For those who are not
        # root the sessions must be theirs alone.
        for path in (self.sessions, self.reports):
            path.mkdir(mode=0o700)
            if os.geteuid() == 0:
                path.chmod(0o1777)
        self.errors = self.directory / "stderr"
        self.processes = []
        self.live_findings = []
        self.listed = []

    def environment(self):
        env = dict(os.environ, LC_ALL="C", **{MARK: str(self.directory)})
        if self.is_shimmed:
            env["LD_PRELOAD"] = str(self.directory / "libcwshim.so")
            env["CWSHIM_OPTIONS"] = (f"session_dir={self.sessions}:format=json:"
                                     f"log_path={self.reports}/%p.json")
        return env

    def file(self, name, text, mode=0o644):
        """Writes a configuration file into the run's directory; its path."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def own(self, name, user):
        """A directory that belongs to this user (to us, where we are not root)."""
        path = self.directory / name
        path.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(path, user)
        return path

    def start(self, *argv, port=None, user=None, **options):
        """Starts a server and waits until it answers on the port."""
        env = {**self.environment(), **options.pop("env", {})}
        if user:
            options.update(user_for(user))
        with open(self.errors, "ab") as errors:
            process = subprocess.Popen([str(a) for a in argv], env=env, cwd=self.directory,
                                       stdin=subprocess.DEVNULL, stderr=errors,
                                       stdout=options.pop("stdout", errors),
                                       start_new_session=True, **options)
        self.processes.append(process)
        if port:
            wait_until(lambda: process.poll() is not None or answers(port), f"{argv[0]} answers")
            assert process.poll() is None, f"{argv[0]} ended: {self.errors.read_text()}"
        return process

    def client(self, *argv, **options):
        """Runs a client, without the shim, to its end; the completed process."""
        options = {"capture_output": True, "timeout": 120, "check": False, **options}
        env = dict(os.environ, LC_ALL="C", **{MARK: str(self.directory)}, **options.pop("env", {}))
        return subprocess.run([str(a) for a in argv], env=env, **options)

    def stop(self, process, number=signal.SIGTERM):
        """Ends the server as its operator would; its wait status, as Popen tells it."""
        self.observe()
        process.send_signal(number)
        return process.wait(timeout=DEADLINE_S)

    def observe(self):
        """Looks at what is recorded while the server lives; a session that ends cleanly goes."""
        if self.is_shimmed:
            self.live_findings = self.settle()
            self.listed = self.sessions_listed()

    def sessions_listed(self):
        done = self.cwshim("list", "--format=json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["sessions"]

    def cwshim(self, *argv):
        return subprocess.run([self.directory / "cwshim", *argv, f"--session-dir={self.sessions}"],
                              capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    def report(self):
        done = self.cwshim("report", "--format=json", "--min-age=0s")
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    def settle(self):
        """Findings against living processes: none at last, or those that stay."""
        end = time.monotonic() + 10
        found = living(self.report())
        while found and time.monotonic() < end:
            time.sleep(0.1)
            found = living(self.report())
        return found

    def end_all(self):
        """Ends whatever the run has started and left behind."""
        for process in self.processes:
            # Its group first: a worker that has written its title over its environment carries
            # no mark.  The id cannot be another group's while any member of this one lives.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for pid in self.leftovers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def leftovers(self):
        """Processes that carry the run's mark in their environment."""
        mark = f"{MARK}={self.directory}".encode()
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found


def failing(report):
    return [f for f in report["findings"] if f["verdict"] in ("leak", "stall")]


def living(report):
    """Failing findings in which a process that has not ended holds the socket, of any age."""
    alive = {p["pid"] for p in report["processes"] if p["ended"] is None}
    return [f for f in failing(report)
            if any(h["pid"] in alive for s in f["sockets"] for h in s["holders"])]


@contextlib.contextmanager
def new_run(is_shimmed):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cwshim-interop-"))
    directory.chmod(0o755)
    for name in ("libcwshim.so", "cwshim"):
        shutil.copy(BUILD / name, directory)
    run = Run(directory, is_shimmed)
    try:
        yield run
    finally:
        run.end_all()
        shutil.rmtree(directory, ignore_errors=True)


def check_reports(run):
    """No finding that fails, neither while it lived nor when its processes ended."""
    found = [f for path in run.reports.iterdir() for f in failing(json.loads(path.read_text()))]
    found += run.live_findings
    assert found == [], json.dumps(found, indent=1)


def check_recording(run):
    """It recorded sockets, went on recording, and said nothing where the server's words go."""
    assert sum(s["created"] for s in run.listed) > 0, "no socket was recorded"
    assert [s for s in run.listed + run.sessions_listed() if s["off"]] == []
    logs = [run.errors, *run.directory.glob("*.log")]
    said = "\n".join(path.read_text(errors="replace") for path in logs if path.exists())
    assert [line for line in said.splitlines() if "cwshim:" in line] == []


def compare(scenario, name, version, work):
    """Runs the scenario both ways; demands equality and silence; notes the row of the table."""
    with new_run(is_shimmed=False) as run:
        bare = scenario(run)
    with new_run(is_shimmed=True) as run:
        shimmed = scenario(run)
        check_reports(run)
        check_recording(run)
    assert shimmed == bare
    rows = BUILD / "interop"
    rows.mkdir(exist_ok=True)
    row = {"name": name, "version": version, "work": work}
    (rows / f"{name.replace(' ', '-')}.json").write_text(json.dumps(row))
