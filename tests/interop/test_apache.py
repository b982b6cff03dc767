# SPDX-License-Identifier: MIT
"""apache2 with the prefork module: static files, and CGI programs that it starts by fork and exec."""

import servers
import web

CONFIG = """\
ServerRoot {d}
ServerName localhost
PidFile {d}/pid
ErrorLog {d}/error.log
DefaultRuntimeDir {d}
Mutex pthread
Listen 127.0.0.1:{port}
User www-data
Group www-data
LoadModule mpm_prefork_module {m}/mod_mpm_prefork.so
LoadModule authz_core_module {m}/mod_authz_core.so
LoadModule alias_module {m}/mod_alias.so
LoadModule cgi_module {m}/mod_cgi.so
StartServers 2
MinSpareServers 1
MaxSpareServers 3
MaxRequestWorkers 20
MaxConnectionsPerChild 50
KeepAlive On
KeepAliveTimeout 5
MaxKeepAliveRequests 0
DocumentRoot {d}/site
ScriptAlias /cgi/ {d}/cgi/
<Directory {d}>
	Require all granted
</Directory>
"""

CGI = """\
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo "$REQUEST_METHOD $QUERY_STRING"
cat
"""


def scenario(run):
    port = servers.free_port()
    run.file("site/index.html", "<p>hello</p>\n" * 100)
    run.file("cgi/echo", CGI, mode=0o755)
    config = run.file("httpd.conf", CONFIG.format(d=run.directory, port=port,
                                                  m="/usr/lib/apache2/modules"))
    apache = run.start("/usr/sbin/apache2", "-DFOREGROUND", "-f", config, port=port)
    seen = [web.kept_alive(port, "/index.html", 200), web.one_each(port, "/index.html", 200),
            web.one_each(port, "/cgi/echo?a=b", 40), web.post(port, "/cgi/echo", b"body"),
            web.one_each(port, "/missing", 5)]
    return seen + [run.stop(apache)]


def test_apache_prefork():
    servers.compare(scenario, "apache2 prefork", servers.version_of("/usr/sbin/apache2", "-v"),
                    "400 static requests, 41 CGI programs; children replaced after 50 connections")
