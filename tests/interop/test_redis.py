# SPDX-License-Identifier: MIT
"""redis-server under redis-benchmark, and a few commands whose answers are compared."""

import re

import servers

COMMANDS = ("set k v", "get k", "incr n", "lpush l a b c", "lrange l 0 -1", "type l", "nonsense")


def benchmark(run, port):
    """The names of the tests that ran and their exit status; the rates differ."""
    done = run.client("redis-benchmark", "-p", port, "-n", "5000", "-c", "50", "-q", "-t",
                      "ping,set,get,incr,lpush,lrange_100,mset", text=True)
    lines = done.stdout.replace("\r", "\n").splitlines()
    names = {match[1] for line in lines if (match := re.match(r"(.*): [\d.]+ requests per", line))}
    return done.returncode, sorted(names), done.stderr


def scenario(run):
    port = servers.free_port()
    redis = run.start("/usr/bin/redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                      "--dir", run.directory, port=port)
    answers = [run.client("redis-cli", "-p", port, *line.split()).stdout for line in COMMANDS]
    return [answers, benchmark(run, port), run.stop(redis)]


def test_redis():
    servers.compare(scenario, "redis-server",
                    servers.version_of("/usr/bin/redis-server", "--version"),
                    "redis-benchmark, 7 tests of 5,000 requests from 50 clients; redis-cli")
