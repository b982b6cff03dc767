# SPDX-License-Identifier: MIT
"""nginx: a master and one worker, static files, kept-alive and closing connections."""

import signal

import servers
import web

CONFIG = """\
daemon off;
worker_processes 1;
pid {d}/nginx.pid;
error_log {d}/error.log;
events {{ worker_connections 256; }}
http {{
	access_log off;
	keepalive_requests 10000;
	client_body_temp_path {d}/body;
	proxy_temp_path {d}/proxy;
	fastcgi_temp_path {d}/fastcgi;
	uwsgi_temp_path {d}/uwsgi;
	scgi_temp_path {d}/scgi;
	server {{
		listen 127.0.0.1:{port};
		root {d}/site;
	}}
	server {{
		listen 127.0.0.1:{proxy};
		location / {{ proxy_pass http://127.0.0.1:{port}; }}
	}}
}}
"""


def start(run):
    port, proxy = servers.free_port(), servers.free_port()
    run.file("site/index.html", "<p>hello</p>\n" * 100)
    config = run.file("nginx.conf", CONFIG.format(d=run.directory, port=port, proxy=proxy))
    nginx = run.start("/usr/sbin/nginx", "-c", config, "-p", run.directory, port=port)
    return nginx, port, proxy


def static(run):
    nginx, port, _ = start(run)
    return [
        web.kept_alive(port, "/", 1000),
        web.one_each(port, "/", 1000),
        web.one_each(port, "/missing", 10),
        run.stop(nginx, signal.SIGTERM),
    ]


def proxied(run):
    nginx, _, proxy = start(run)
    seen = [web.kept_alive(proxy, "/", 200), web.one_each(proxy, "/missing", 50)]
    nginx.send_signal(signal.SIGHUP)  # a new worker takes over from the old one
    seen.append(web.one_each(proxy, "/", 50))
    return seen + [run.stop(nginx, signal.SIGQUIT)]


def version():
    return servers.version_of("/usr/sbin/nginx", "-v")


def test_static_files():
    servers.compare(static, "nginx", version(),
                    "1,000 requests kept alive, 1,000 with Connection: close; stopped by SIGTERM")


def test_proxy_and_reload():
    servers.compare(proxied, "nginx proxy", version(),
                    "250 requests proxied, configuration reloaded in between; graceful quit")
