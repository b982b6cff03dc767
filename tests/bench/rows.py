# SPDX-License-Identifier: MIT
"""The rows: what is measured, in which unit, and what it may cost.

A row's function measures one variant once; one that yields starts it, yields what takes a figure
as often as it is called, and ends it.  The kind says what the figures mean: `ratio` to bare,
`added` to bare, or a `value` that exists under the shim alone."""

import collections
import contextlib
import inspect
import os
import resource
import socket
import subprocess
import time

import instructions
from estimate import BARE, CannotMeasure
from measure import (BUILD, DEADLINE_S, LEAST, SHIM, UNWINDERS, cpu_ns, program, read_figure, until)
from tracers import OTHERS

Row = collections.namedtuple("Row",
                             "name title kind unit budget variants start rounds slices times")
ROWS = []
BESIDE_LEAST = [BARE, SHIM, LEAST]


@contextlib.contextmanager
def anew(measure, bench, variant):
    """A row that starts its programs for each figure."""
    yield lambda: measure(bench, variant)


def row(name, title, kind, unit, budget, variants=(BARE, SHIM), rounds=None, slices=(1, 1),
        times=1):
    """`slices`: how many figures a round takes of each variant, and how many a quick one; `times`:
    how many rounds for one of the other rows, where not quick."""
    def add(measure):
        start = contextlib.contextmanager(measure) if inspect.isgeneratorfunction(measure) \
            else lambda bench, variant: anew(measure, bench, variant)
        ROWS.append(Row(name, title, kind, unit, budget, list(variants), start, rounds, slices,
                        times))
        return measure
    return add


def spent():
    """Processor time of children that have ended, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@row("start", "program that opens no socket, start to end", "added", "ms", 1, slices=(6, 4))
def start(bench, variant):
    environment, times = bench.environment(variant), []
    for _ in range(bench.of(15, 11)):
        began = time.perf_counter()
        pid = os.posix_spawn(program("nothing"), ["nothing"], environment)
        os.waitpid(pid, 0)
        times.append(time.perf_counter() - began)
    if list(bench.sessions().glob("*.cws")):
        raise CannotMeasure("a session file was left")
    return sorted(times)[len(times) // 2] * 1e3


def add_call(kind, title, budget, variants, batches=(200, 100)):
    @row(kind, title, "added", "ns", budget, variants, slices=(12, 6))
    def call(bench, variant):
        return bench.figure(variant, [program("calls"), kind, 0, bench.of(*batches)])
    return call


add_call("read", "read with data on a socket", 5, BESIDE_LEAST)
add_call("recv", "recv with data on a socket", 5, BESIDE_LEAST)
add_call("write", "write on a socket", 5, BESIDE_LEAST)
add_call("close", "close of an untracked descriptor", 15, BESIDE_LEAST)
add_call("accept", "accept4, end-of-file, close of a tracked socket", 800,
         [BARE, *UNWINDERS, LEAST], (60, 20))


def add_call_alone(kind, title, budget, variants=(BARE, SHIM)):
    """Without what the kernel does for the host: in that is nearly all noise, and nothing of the
    shim.  What the shim itself asks of the kernel is there."""
    @row(f"{kind}-alone", title, "added", "ns", budget, variants, slices=(12, 6))
    def call(bench, variant):
        return bench.figure(variant, [program("calls"), f"idle-{kind}", 0, bench.of(400, 200)],
                            behind=program("libidle.so"))
    return call


add_call_alone("read", "read, without the kernel's part", 5)
add_call_alone("recv", "recv, without the kernel's part", 5)
add_call_alone("write", "write, without the kernel's part", 5)
add_call_alone("close", "close, without the kernel's part", 15)
add_call_alone("accept", "accept4, end-of-file, close, without the kernel's part", 800,
               [BARE, *UNWINDERS])


def add_instructions(kind):
    @row(f"instructions-{kind}", f"{kind}: instructions", "added", "instructions",
         round(instructions.SEEN[kind] * instructions.SLACK), rounds=1)
    def count(bench, variant):
        return instructions.count(bench, variant, kind)
    return count


for counted in instructions.CALLS:
    add_instructions(counted)


@row("fork", "fork with {sockets:10000} open sockets", "added", "us", 100, slices=(3, 2))
def fork(bench, variant):
    return bench.figure(variant, [program("forks"), bench.most_sockets(10000), bench.of(60, 30)])


def ask(bench, port, count, how, reply, request):
    client = subprocess.run([program("client"), str(port), str(count), how, str(reply)],
                            input=request, capture_output=True, timeout=DEADLINE_S, check=False)
    if client.returncode:
        raise CannotMeasure(client.stderr.decode().strip())


def own_server(bench, variant, how, count):
    """Microseconds a connection: of processor time, as tests/bench/server.c counts them, and of the
    clock, from the first connection to the last answer."""
    argv = [program("server"), how, count]
    with bench.running(variant, argv) as server:
        port = int(bench.first_line(server).split()[1])
        began = time.monotonic()
        ask(bench, port, count, "each", 5, b"hello")
        took = (time.monotonic() - began) * 1e6 / count
        output = server.stdout.read().decode()
        server.stdin.close()
        return read_figure(output, argv, server.wait(DEADLINE_S)), took


@row("fork-server", "fork-per-connection server", "ratio", "us", 1.05,
     [BARE, *UNWINDERS, LEAST], slices=(6, 3))
def fork_server(bench, variant):
    return own_server(bench, variant, "fork", bench.of(400, 120))[0]


@row("thread-server", "thread-per-connection server", "ratio", "us", 1.05,
     [BARE, *UNWINDERS, LEAST], slices=(12, 5))
def thread_server(bench, variant):
    return own_server(bench, variant, "thread", bench.of(500, 200))[0]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def reply_size(port, request):
    """How long the answer to the request is: what has come when the server says no more."""
    with socket.create_connection(("127.0.0.1", port), 10) as peer:
        peer.sendall(request)
        got = len(peer.recv(65536))
        peer.settimeout(0.2)
        try:
            while more := peer.recv(65536):
                got += len(more)
        except TimeoutError:
            pass
        return got


@contextlib.contextmanager
def on_one_processor():
    """For what is started here: where a wake-up goes to another processor, what that costs depends
    on whether it sleeps, and is more than what is looked for."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def served(bench, variant, argv, port, request, how, count, units=1):
    """Takes microseconds of the server's processor time for a unit of work, count connections or
    requests at a time.  Its start does not count."""
    with on_one_processor(), bench.running(variant, argv) as server:
        until(lambda: listens(port), argv[0])
        size = reply_size(port, request)
        ask(bench, port, count, how, size, request)

        def take():
            before = cpu_ns(server.pid)
            ask(bench, port, count, how, size, request)
            return (cpu_ns(server.pid) - before) / 1e3 / count / units
        yield take


@contextlib.contextmanager
def nginx(bench, variant, how, count):
    port = free_port()
    configuration = bench.work / f"nginx.{port}.conf"
    configuration.write_text(f"""daemon off; master_process off; pid {bench.work}/nginx.{port}.pid;
error_log {bench.work}/nginx.log;
events {{ worker_connections 512; }}
http {{ access_log off; keepalive_requests 100000000;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello\\n"; }} }} }}
""")
    connection = "close" if how == "each" else "keep-alive"
    request = f"GET / HTTP/1.1\r\nHost: bench\r\nConnection: {connection}\r\n\r\n".encode()
    argv = ["nginx", "-p", bench.work, "-c", configuration]
    with served(bench, variant, argv, port, request, how, count) as take:
        yield take


# A slice takes some 50 ms: short enough to have the same weather as its neighbour, long enough that
# the client's one connection and the clock do not count.  Half a percent is less than what differs
# from one start to the next.
SLICES = (30, 10)
STARTS = 3


@row("nginx-each", "nginx, connection per request", "ratio", "us", 1.02,
     [BARE, *UNWINDERS, LEAST], slices=SLICES)
def nginx_each(bench, variant):
    with nginx(bench, variant, "each", bench.of(600, 200)) as take:
        yield take


@row("nginx-kept", "nginx, kept alive", "ratio", "us", 1.005, BESIDE_LEAST,
     slices=SLICES, times=STARTS)
def nginx_kept(bench, variant):
    with nginx(bench, variant, "kept", bench.of(2000, 800)) as take:
        yield take


@contextlib.contextmanager
def redis(bench, variant, pipelined, count):
    port = free_port()
    argv = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
            "--daemonize", "no", "--dir", bench.work]
    request = b"PING\r\n" * pipelined
    with served(bench, variant, argv, port, request, "kept", count, pipelined) as take:
        yield take


@row("redis", "redis, not pipelined", "ratio", "us", 1.005, BESIDE_LEAST,
     slices=SLICES, times=STARTS)
def redis_single(bench, variant):
    with redis(bench, variant, 1, bench.of(2000, 800)) as take:
        yield take


@row("redis-pipelined", "redis, 32 commands at once", "ratio", "us", 1.005, BESIDE_LEAST,
     slices=SLICES, times=STARTS)
def redis_pipelined(bench, variant):
    with redis(bench, variant, 32, bench.of(800, 300)) as take:
        yield take


@row("memcached", "memcached", "ratio", "us", 1.005, BESIDE_LEAST,
     slices=SLICES, times=STARTS)
def memcached(bench, variant):
    port = free_port()
    argv = ["memcached", "-u", "root", "-l", "127.0.0.1", "-p", port, "-U", "0", "-t", "1"]
    with served(bench, variant, argv, port, b"get key\r\n", "kept", bench.of(2000, 800)) as take:
        yield take


@row("many", "accept and close at {sockets:100000} open sockets against at 100", "value", "ratio", 1.1,
     (SHIM,))
def many(bench, variant):
    few, most = (bench.figure(variant, [program("calls"), "accept", count, bench.of(400, 120)])
                 for count in (100, bench.most_sockets(100000)))
    return most / few


@row("memory", "memory at {sockets:100000} open sockets, session included", "added", "MB", 24)
def memory(bench, variant):
    return bench.figure(variant, [program("crowd"), "memory", bench.most_sockets(100000)]) / 1024


def serve_by_forks(bench, variant, count):
    """Each child is handed a connection, opens a socket of its own, and closes both."""
    argv = [program("forks"), 100, count, "serve"]
    with bench.running(variant, argv) as server:
        grew = server.stdout.readline().decode().split()
        figure = read_figure(server.stdout.readline().decode(), argv)
        blocks = [path.stat().st_blocks for path in bench.sessions().glob("*")]
        server.stdin.close()
        server.wait(DEADLINE_S)
        return {"us": figure, "kB": float(grew[1]), "files": len(blocks),
                "MB": sum(blocks) * 512 / 2 ** 20}


@row("forks-cost", "connection served by a forked child that opens a socket", "added", "us", None)
def forks_cost(bench, variant):
    return serve_by_forks(bench, variant, bench.of(2000, 200))["us"]


def after_all_forks(bench, variant, key):
    """Three rows look at the same run: it is the longest of all."""
    if not bench.after_forks:
        bench.after_forks = serve_by_forks(bench, variant, bench.forks)
    return bench.after_forks[key]


def add_forks(name, what, unit, budget):
    @row(name, f"{what} after {{forks:1000000}} forks of children that open, serve and close",
         "value", unit, budget, (SHIM,), rounds=1)
    def forks(bench, variant):
        return after_all_forks(bench, variant, unit)
    return forks


add_forks("sessions", "session directory", "MB", 32)
add_forks("forks-files", "session files", "files", 8)
add_forks("forks-memory", "growth of the parent's memory", "kB", 2048)


@row("pause", "pause of the signalled thread at {sockets:10000} sockets", "value", "ms", 2, (SHIM,))
def pause(bench, variant):
    return bench.figure(variant, [program("crowd"), "pause", bench.most_sockets(10000)])


@row("others", "what one would take instead: fork-per-connection server", "ratio", "us", None,
     [BARE, *UNWINDERS, *OTHERS], slices=(4, 1))
def others(bench, variant):
    """By the clock, without the start: the tracer's own processor time is not the server's."""
    return own_server(bench, variant, "fork", bench.of(300, 40))[1]


CROWD = 100000


def gather_crowd(bench, variant, what):
    """In as many processes as the limit on descriptors asks for, which start side by side.  They
    stay until another crowd, or the end: to open so many takes longer than to report them."""
    if bench.crowd == what:
        return
    bench.disperse()
    processes = -(-CROWD // bench.most_sockets(CROWD))
    argv = [program("crowd"), what, CROWD // processes // 2 * 2]
    servers = [bench.standing.enter_context(bench.running(variant, argv))
               for _ in range(processes)]
    for server in servers:
        read_figure(bench.first_line(server), argv)
    bench.crowd = what


def timed_report(bench, form):
    """Of processor time: it waits for nothing, so on an idle machine that is what the clock says."""
    before = spent()
    told = subprocess.run([BUILD / "cwshim", "report", f"--session-dir={bench.sessions()}",
                           f"--format={form}", f"--output={bench.work}/report"],
                          capture_output=True, timeout=DEADLINE_S, check=False)
    if told.returncode not in (0, 1):
        raise CannotMeasure(told.stderr.decode().strip())
    return spent() - before


def add_report(name, what, sockets, form):
    @row(name, f"live report ({form}) at {CROWD:,} {sockets}", "value", "s", 2, (SHIM,), rounds=1,
         slices=(7, 2))
    def report(bench, variant):
        gather_crowd(bench, variant, what)
        yield lambda: timed_report(bench, form)
    return report


add_report("report", "wait", "sockets", "json")
add_report("report-leaked", "leak", "leaked connections", "json")
add_report("report-leaked-text", "leak", "leaked connections", "text")
