# SPDX-License-Identifier: MIT
"""haproxy in front of a web server: kept-alive, closing and refused connections."""

import servers
import web

CONFIG = """\
global
	maxconn 200
	stats socket {d}/control mode 600 level admin
defaults
	mode http
	timeout connect 5s
	timeout client 30s
	timeout server 30s
	retries 0
frontend web
	bind 127.0.0.1:{port}
	use_backend nobody if {{ path /nobody }}
	default_backend one
backend one
	server one 127.0.0.1:{backend}
backend nobody
	server none 127.0.0.1:{closed}
"""


def scenario(run):
    port = servers.free_port()
    with web.backend() as backend:
        config = run.file("haproxy.cfg", CONFIG.format(d=run.directory, port=port,
                                                       backend=backend.server_port,
                                                       closed=servers.free_port()))
        haproxy = run.start("/usr/sbin/haproxy", "-db", "-f", config, port=port)
        seen = [web.kept_alive(port, "/a", 400), web.one_each(port, "/b", 200),
                web.post(port, "/c", b"some words"), web.one_each(port, "/nobody", 2)]
        return seen + [run.stop(haproxy)]


def test_haproxy():
    servers.compare(scenario, "haproxy", servers.version_of("/usr/sbin/haproxy", "-v"),
                    "600 requests forwarded, kept alive and closing; a backend that refuses")
