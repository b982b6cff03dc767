# SPDX-License-Identifier: MIT
"""How a figure comes about: a command under each variant, and what is asked of it."""

import contextlib
import os
import pathlib
import re
import resource
import select
import shutil
import subprocess
import tempfile
import time

from estimate import CannotMeasure
from tracers import OTHERS

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
LIBRARY = BUILD / "libcwshim.so"
DEADLINE_S = 600
FIRST_LINE_S = 120
FORKS = 1000000

SHIM = "cwshim"
LEAST = "least of any"
UNWINDERS = {SHIM: "libunwind", "cwshim fp": "fp", "cwshim caller": "caller",
             "cwshim none": "none"}


def program(name):
    return str(BUILD / "bench" / name)


class Bench:
    """One run of the benchmark: how thorough it is, and where its programs keep what they write."""

    def __init__(self, quick, rounds=0, forks=0):
        self.quick = quick
        self.rounds = rounds or (3 if quick else 7)
        self.forks = forks or (1000 if quick else FORKS)
        self.after_forks = None
        self.started = 0
        self.crowd, self.standing = None, contextlib.ExitStack()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="cwshim-bench-"))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):
            hard = 110000 if hard < 110000 else hard
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 110000), hard))

    def disperse(self):
        """Ends what stands by for several rows."""
        self.standing.close()
        self.crowd = None

    def close(self):
        self.disperse()
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

    def errors(self, number):
        return self.work / f"stderr.{number}"

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
        elif variant == LEAST:
            environment["LD_PRELOAD"] = program("libleast.so")
        return environment

    def command(self, variant, argv):
        argv = [str(word) for word in argv]
        return OTHERS[variant][1](argv, self.work) if variant in OTHERS else argv

    @contextlib.contextmanager
    def running(self, variant, argv, behind=None):
        """The program under a variant, with another library preloaded behind that; ended, if it
        still runs, when the block is left."""
        self.started += 1
        environment = self.environment(variant)
        if behind:
            environment["LD_PRELOAD"] = f"{environment.get('LD_PRELOAD', '')}:{behind}".lstrip(":")
        with open(self.errors(self.started), "wb") as errors, subprocess.Popen(
                self.command(variant, argv), env=environment, cwd=self.work,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process:
            process.number = self.started
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()
                    try:
                        process.wait(10)
                    except subprocess.TimeoutExpired:
                        process.kill()

    def figure(self, variant, argv, behind=None):
        """The number that the program prints as FIGURE."""
        with self.running(variant, argv, behind) as process:
            output, _ = process.communicate(timeout=DEADLINE_S)
        return read_figure(output.decode(), argv, process.returncode)

    def first_line(self, process):
        """Of what it prints; what is wrong, in its own words, if there is none."""
        if not select.select([process.stdout], [], [], FIRST_LINE_S)[0]:
            raise CannotMeasure(f"{process.args[0]}: said nothing for {FIRST_LINE_S} s")
        line = process.stdout.readline().decode()
        if not line:
            raise CannotMeasure(complaint(self.errors(process.number).read_text(errors="replace"))
                                or f"{process.args[0]}: ended without a word")
        return line


def complaint(said):
    """The last line that speaks of an error, or the last one; "" if there is none."""
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "not permitted" in line]
    return ([""] + lines + errors)[-1].strip()


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
