# SPDX-License-Identifier: MIT
"""How a figure comes about: variants of a command, interleaved rounds, and their statistics."""

import contextlib
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
LIBRARY = BUILD / "libcwshim.so"
DEADLINE_S = 600
FORKS = 1000000

BARE = "bare"
SHIM = "cwshim"
UNWINDERS = {SHIM: "libunwind", "cwshim fp": "fp", "cwshim caller": "caller",
             "cwshim none": "none"}

# What one would take instead, and the calls that it would have to watch.
CALLS = "trace=accept,accept4,close,connect,dup,dup2,dup3,fcntl,fork,clone,clone3,vfork,read," \
        "recvfrom,recvmsg,shutdown,socket"
OTHERS = {
    "valgrind --track-fds": ["valgrind", "--tool=none", "--track-fds=yes", "--quiet"],
    "strace -f -k": ["strace", "-f", "-k", "-o", "/dev/null", "-e", CALLS],
    "strace --seccomp-bpf": ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", CALLS],
    "uftrace": ["uftrace", "record", "--no-libcall", "--force"],
}


class CannotMeasure(Exception):
    """The row's note says why; the row stays in the table."""


def program(name):
    return str(BUILD / "bench" / name)


class Bench:
    """One run of the benchmark: how thorough it is, and where its programs keep what they write."""

    def __init__(self, quick, rounds=0, forks=0):
        self.quick = quick
        self.rounds = rounds or (3 if quick else 7)
        self.forks = forks or (1000 if quick else FORKS)
        self.after_forks = None
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="cwshim-bench-"))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):
            hard = 110000 if hard < 110000 else hard
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 110000), hard))

    def close(self):
        shutil.rmtree(self.work)

    def most_sockets(self, wanted):
        """As many as wanted, or as the limit on descriptors allows."""
        return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500) // 2 * 2

    def spelled(self, title):
        """The title with the real counts, and what they should have been where they are fewer."""
        fewer = []

        def count(found):
            wanted = int(found[2])
            real = self.forks if found[1] == "forks" else self.most_sockets(wanted)
            if real != wanted:
                fewer.append(f"{wanted:,} {found[1]} are meant, {real:,} were possible or asked for")
            return f"{real:,}"
        return re.sub(r"\{(sockets|forks):(\d+)\}", count, title), fewer

    def of(self, full, quick):
        return quick if self.quick else full

    def sessions(self):
        return self.work / "sessions"

    def environment(self, variant):
        environment = {k: v for k, v in os.environ.items()
                       if k not in ("LD_PRELOAD", "CWSHIM_OPTIONS")}
        if variant in UNWINDERS:
            environment["LD_PRELOAD"] = str(LIBRARY)
            environment["CWSHIM_OPTIONS"] = \
                f"session_dir={self.sessions()}:log_path={self.work}/report.%p:at_exit=0" \
                f":unwind={UNWINDERS[variant]}"
        return environment

    def command(self, variant, argv):
        return OTHERS.get(variant, []) + [str(word) for word in argv]

    @contextlib.contextmanager
    def running(self, variant, argv):
        """The program under a variant; ended, if it still runs, when the block is left."""
        with open(self.work / "stderr", "ab") as errors, subprocess.Popen(
                self.command(variant, argv), env=self.environment(variant), cwd=self.work,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()
                    try:
                        process.wait(10)
                    except subprocess.TimeoutExpired:
                        process.kill()

    def figure(self, variant, argv):
        """The number that the program prints as FIGURE."""
        with self.running(variant, argv) as process:
            output, _ = process.communicate(timeout=DEADLINE_S)
        return read_figure(output.decode(), argv, process.returncode)


def read_figure(output, argv, status=0):
    for line in output.splitlines():
        if line.startswith("FIGURE ") and status == 0:
            return float(line.split()[1])
    raise CannotMeasure(f"{' '.join(str(word) for word in argv)}: status {status}, no figure")


def until(condition, what, seconds=20):
    """Polls; the condition's value when it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise CannotMeasure(f"{what}: not within {seconds} s")
        time.sleep(0.005)
    return value


def cpu_ns(pid):
    """Processor time of all living threads of the process (schedstat, in nanoseconds)."""
    return sum(int((task / "schedstat").read_text().split()[0])
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def interleave(rounds, variants, measure):
    """{variant: [figure of each round]}; the order turns around from round to round."""
    figures = {variant: [] for variant in variants}
    for number in range(rounds):
        for variant in variants if number % 2 == 0 else reversed(variants):
            figures[variant].append(measure(variant))
    return figures


COMBINE = {"ratio": lambda bare, other: other / bare, "added": lambda bare, other: other - bare,
           "value": lambda bare, other: other}


def summarize(kind, figures, variant):
    """Median, least and greatest of what the rounds' pairs say about a variant."""
    pairs = [COMBINE[kind](bare, other)
             for bare, other in zip(figures.get(BARE, figures[variant]), figures[variant])]
    return {"median": statistics.median(pairs), "min": min(pairs), "max": max(pairs)}
