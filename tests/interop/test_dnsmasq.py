# SPDX-License-Identifier: MIT
"""dnsmasq over TCP: it forks a child for every connection."""

import servers


def ask(run, port, name):
    done = run.client("dig", "+tcp", "+short", "+tries=1", "-p", port, "@127.0.0.1", name)
    return done.returncode, done.stdout


def scenario(run):
    port = servers.free_port()
    dnsmasq = run.start("/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                        f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces",
                        "--no-resolv", "--no-hosts", "--pid-file", "--user=nobody",
                        "--address=/example.test/192.0.2.1", port=port)
    names = ["a.example.test", "example.test", "elsewhere.test"] * 15
    return [[ask(run, port, name) for name in names], run.stop(dnsmasq)]


def test_dnsmasq():
    servers.compare(scenario, "dnsmasq", servers.version_of("/usr/sbin/dnsmasq", "--version"),
                    "45 queries over TCP, a child each")
