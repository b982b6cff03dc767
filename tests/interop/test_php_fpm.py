# SPDX-License-Identifier: MIT
"""php-fpm behind nginx: both under the shim, joined by FastCGI over TCP."""

import glob

import servers
import web

POOL = """\
[global]
error_log = {d}/fpm.log
daemonize = no
[www]
user = www-data
group = www-data
listen = 127.0.0.1:{fpm}
pm = dynamic
pm.max_children = 4
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 3
pm.max_requests = 40
"""

NGINX = """\
daemon off;
worker_processes 1;
pid {d}/nginx.pid;
error_log {d}/error.log;
events {{ }}
http {{
	access_log off;
	client_body_temp_path {d}/body;
	proxy_temp_path {d}/proxy;
	fastcgi_temp_path {d}/fastcgi;
	uwsgi_temp_path {d}/uwsgi;
	scgi_temp_path {d}/scgi;
	server {{
		listen 127.0.0.1:{port};
		location / {{
			fastcgi_pass 127.0.0.1:{fpm};
			fastcgi_param SCRIPT_FILENAME {d}/site/page.php;
			fastcgi_param REQUEST_METHOD $request_method;
			fastcgi_param REQUEST_URI $request_uri;
			fastcgi_param CONTENT_LENGTH $content_length;
			fastcgi_param CONTENT_TYPE $content_type;
		}}
	}}
}}
"""

PAGE = """\
<?php
echo $_SERVER['REQUEST_METHOD'], ' ', $_SERVER['REQUEST_URI'], "\\n";
echo strrev(file_get_contents('php://input'));
for ($i = 0; $i < 100; $i++) echo md5($i), "\\n";
"""


def binary():
    return sorted(glob.glob("/usr/sbin/php-fpm[0-9]*"))[-1]


def scenario(run):
    port, fpm = servers.free_port(), servers.free_port()
    run.file("site/page.php", PAGE)
    pool = run.file("fpm.conf", POOL.format(d=run.directory, fpm=fpm))
    config = run.file("nginx.conf", NGINX.format(d=run.directory, port=port, fpm=fpm))
    php = run.start(binary(), "-F", "-y", pool, "-n", port=fpm)
    nginx = run.start("/usr/sbin/nginx", "-c", config, "-p", run.directory, port=port)
    seen = [web.kept_alive(port, "/a", 200), web.one_each(port, "/b", 100),
            web.post(port, "/c", b"some words")]
    return seen + [run.stop(nginx), run.stop(php)]


def test_php_fpm():
    servers.compare(scenario, "php-fpm behind nginx", servers.version_of(binary(), "-v"),
                    "301 requests through FastCGI; children replaced after 40")
