# SPDX-License-Identifier: MIT
"""Runs target programs under the shim and compares the reports with what the targets expect.

A target (tests/targets/target.h) prints EXPECT lines and READY, holds still until its standard input
ends, and then exits.  Everything a test starts is ended by it, by pid.
"""

import contextlib
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time

import scripts
import validate_report

BUILD = pathlib.Path(os.environ["CWSHIM_BUILD"])
SOURCE = pathlib.Path(os.environ["CWSHIM_SOURCE"])
LIBRARY = BUILD / "libcwshim.so"
COMMAND = BUILD / "cwshim"
REPORT_SIGNAL = signal.SIGRTMAX - 3
DEADLINE_S = 60


def wait_until(condition, what):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        select.select([], [], [], 0.01)
    raise AssertionError(f"deadline: {what}")


def load_report(path):
    """One JSON report, checked against the published schema."""
    report = json.loads(pathlib.Path(path).read_text())
    validate_report.check(report)
    return report


def complete_report(path):
    """The report in this file, or None as long as it is not there or not complete."""
    try:
        text = path.read_text()
        json.loads(text)
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return load_report(path)


def parse_expect(line):
    """"EXPECT cause=X count=3 created=f:12" as a dictionary; {} for "EXPECT none"."""
    words = line.split()[1:]
    return {} if words == ["none"] else dict(word.split("=", 1) for word in words)


def command_of(name):
    """How the target of this name is started: those with a suffix are scripts."""
    path = SOURCE / "tests" / "targets" / "scripts" / name
    return scripts.command_of(path) if path.suffix else [BUILD / "targets" / name]


class Running:
    """A started target, or a cwshim command that runs one."""

    def __init__(self, argv, env, stderr_path, **options):
        self.stderr_path = stderr_path
        self.lines = []
        self._rest = b""
        self._peers = scripts.Peers(BUILD / "targets" / "client_sockets", self._tell)
        with open(stderr_path, "wb") as stderr:
            self.process = subprocess.Popen([str(a) for a in argv], env=env, stderr=stderr,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            **options)

    @property
    def pid(self):
        return self.process.pid

    @property
    def stderr(self):
        return self.stderr_path.read_text()

    @property
    def expects(self):
        found = [parse_expect(line) for line in self.lines if line.startswith("EXPECT")]
        return [expect for expect in found if expect]

    def fact(self, word):
        """What the target said after this word."""
        [line] = [line for line in self.lines if line.split()[:1] == [word]]
        return line[len(word):].strip()

    def _tell(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def _read_more(self, deadline):
        ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
        assert ready, f"deadline; so far: {self.lines} {self.stderr}"
        chunk = os.read(self.process.stdout.fileno(), 65536)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self.lines.append(line.decode())
            self._peers.obey(self.lines[-1])
        return bool(chunk)

    def wait_line(self, line):
        deadline = time.monotonic() + DEADLINE_S
        while line not in self.lines:
            more = self._read_more(deadline)
            assert more, f"ended before {line}: {self.lines} {self.stderr}"
        return self

    def wait_ready(self):
        return self.wait_line("READY")

    def finish(self):
        """Ends its input and waits; returns the exit status as subprocess spells it."""
        deadline = time.monotonic() + DEADLINE_S
        if not self.process.stdin.closed:
            self.process.stdin.close()
        while self._read_more(deadline):
            pass
        return self.process.wait(DEADLINE_S)

    def send(self, number):
        self.process.send_signal(number)

    def destroy(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._peers.destroy()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


class Lab:
    """One test's place: its own session directory, logs, and processes."""

    def __init__(self, root):
        self.root = root
        self.session_dir = root / "sessions"
        self.log_dir = root / "logs"
        self.log_dir.mkdir()
        self.started = []

    def options(self, **changes):
        """CWSHIM_OPTIONS; None takes an option out."""
        values = {"session_dir": self.session_dir, "min_age": "0s", "format": "json",
                  "log_path": self.log_dir / "%p.log"}
        values.update(changes)
        return ":".join(f"{key}={value}" for key, value in values.items() if value is not None)

    def environment(self, preload=True, options=None, **changes):
        env = {key: value for key, value in os.environ.items()
               if not key.startswith(("CWSHIM_", "LD_PRELOAD"))}
        env["CWSHIM_OPTIONS"] = self.options(**changes) if options is None else options
        if preload:
            env["LD_PRELOAD"] = str(LIBRARY)
        return env

    def _start(self, argv, env, **options):
        path = self.root / f"stderr.{len(self.started)}"
        self.started.append(Running(argv, env, path, **options))
        return self.started[-1]

    def start(self, name, *args, preload=True, env=None, preexec_fn=None, pass_fds=(), **changes):
        """Starts a target under the plain preload; changes are shim options."""
        env = env or self.environment(preload, **changes)
        return self._start([*command_of(name), *args], env, preexec_fn=preexec_fn,
                           pass_fds=pass_fds)

    def start_command(self, command, **changes):
        """Starts any command under the plain preload; changes are shim options."""
        return self._start(command, self.environment(**changes))

    def run(self, name, *args, options=(), pass_fds=()):
        """Starts a target by `cwshim run`."""
        argv = [COMMAND, "run", f"--session-dir={self.session_dir}", "--min-age=0",
                "--format=json", f"--output={self.run_output}", *options, "--",
                *command_of(name), *args]
        return self._start(argv, self.environment(preload=False, options=""), pass_fds=pass_fds)

    @property
    def run_output(self):
        return self.root / "run.json"

    def cwshim(self, *args, session_dir=True):
        """Runs a cwshim command to its end."""
        argv = [COMMAND, *args]
        if session_dir:
            argv.append(f"--session-dir={self.session_dir}")
        return subprocess.run([str(a) for a in argv], capture_output=True, text=True,
                              timeout=DEADLINE_S, stdin=subprocess.DEVNULL, check=False,
                              env=self.environment(preload=False, options=""))

    def report(self, *args):
        """`cwshim report` as JSON: the report and the exit status; stderr must be empty."""
        path = self.root / "report.json"
        path.unlink(missing_ok=True)
        done = self.cwshim("report", "--format=json", "--min-age=0", f"--output={path}", *args)
        assert done.stderr == "" and done.stdout == ""
        return load_report(path), done.returncode

    def logs(self):
        """The report files that processes wrote by themselves."""
        return sorted(self.log_dir.iterdir())

    def only_log(self):
        logs = self.logs()
        assert len(logs) == 1, f"one report was expected: {logs}"
        return load_report(logs[0])

    def log_of(self, running):
        """Waits for the report of a process that goes on living."""
        path = self.log_dir / f"{running.pid}.log"
        return wait_until(lambda: complete_report(path), f"a report in {path}")

    def destroy(self):
        for running in self.started:
            running.destroy()


def innermost(finding, stack):
    """"function:line" of the first frame with a line, without the namespaces of C++."""
    frames = finding["stacks"].get(stack)
    assert frames, f"no stack {stack} in {sorted(finding['stacks'])}"
    frame = next((frame for frame in frames if frame["line"]), frames[0])
    function = re.sub(r"^.*::", "", frame["function"] or "?")
    return f"{function}:{frame['line']}"


def vias(finding):
    return {holder["via"] for sock in finding["sockets"] for holder in sock["holders"]}


def ops(finding):
    return {event["op"] for sock in finding["sockets"] for event in sock["events"]}


def assert_finding(finding, expect):
    """Compares one finding with the words of its EXPECT line."""
    for key, wanted in expect.items():
        if key in ("cause", "verdict"):
            assert finding[key] == wanted, finding[key]
        elif key == "count":
            assert finding["count"] == int(wanted), finding["count"]
        elif key == "via":
            assert wanted in vias(finding), vias(finding)
        elif key == "op":
            assert wanted in ops(finding), ops(finding)
        elif key.startswith("site_"):
            assert finding["site_stats"][key[len("site_"):]] == int(wanted), finding["site_stats"]
        else:
            found = innermost(finding, key)
            assert found == wanted, f"{key} is {found}, wanted {wanted}"


def assert_report(report, expects):
    """The report has the findings that the target expects, and no others."""
    found = sorted(finding["cause"] for finding in report["findings"])
    wanted = sorted(expect["cause"] for expect in expects)
    assert found == wanted, f"found {found}, wanted {wanted}"
    for expect in expects:
        [finding] = [f for f in report["findings"] if f["cause"] == expect["cause"]]
        assert_finding(finding, expect)
