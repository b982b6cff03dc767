# SPDX-License-Identifier: MIT
"""postgresql: a backend process forked for every connection, SQL through psql over TCP."""

import concurrent.futures
import glob
import signal

import servers

SQL = """\
create temporary table t (k int, v text);
insert into t select n, 'value ' || n from generate_series(1, 1000) as n;
select count(*), sum(k), max(v) from t;
select no_such_function();
"""


def binaries():
    return sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]


def psql(run, port):
    done = run.client(f"{binaries()}/psql", "-X", "-h", "127.0.0.1", "-p", port, "-U", "postgres",
                      "-d", "postgres", text=True, input=SQL)
    return done.returncode, done.stdout, done.stderr


def scenario(run):
    port = servers.free_port()
    data = run.own("data", "postgres")
    made = run.client(f"{binaries()}/initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N",
                      **servers.user_for("postgres"))
    assert made.returncode == 0, made.stderr
    server = run.start(f"{binaries()}/postgres", "-D", data, "-h", "127.0.0.1", "-p", port,
                       "-k", "", "-c", "fsync=off", "-c", "log_min_messages=fatal",
                       port=port, user="postgres")
    ready = [f"{binaries()}/pg_isready", "-q", "-h", "127.0.0.1", "-p", port]
    servers.wait_until(lambda: run.client(*ready).returncode == 0, "postgres is ready")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda _: psql(run, port), range(40)))
    return [seen, run.stop(server, signal.SIGINT)]


def test_postgresql():
    servers.compare(scenario, "postgresql",
                    servers.version_of(f"{binaries()}/postgres", "--version"),
                    "40 psql clients, four at a time; fast shutdown")
