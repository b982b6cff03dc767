# SPDX-License-Identifier: MIT
"""lighttpd: static files and CGI, with privileges dropped."""

import servers
import web

CONFIG = """\
server.modules = ( "mod_cgi", "mod_alias" )
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{d}/site"
server.errorlog = "{d}/error.log"
server.username = "www-data"
server.groupname = "www-data"
index-file.names = ( "index.html" )
cgi.assign = ( ".sh" => "/bin/sh" )
"""


def scenario(run):
    port = servers.free_port()
    run.file("site/index.html", "<p>hello</p>\n" * 100)
    run.file("site/say.sh", "printf 'Content-Type: text/plain\\r\\n\\r\\n'\necho $QUERY_STRING\n")
    run.file("error.log", "", mode=0o666)
    config = run.file("lighttpd.conf", CONFIG.format(d=run.directory, port=port))
    lighttpd = run.start("/usr/sbin/lighttpd", "-D", "-f", config, port=port)
    seen = [web.kept_alive(port, "/", 500), web.one_each(port, "/", 300),
            web.one_each(port, "/say.sh?a=b", 30), web.one_each(port, "/missing", 5)]
    return seen + [run.stop(lighttpd)]


def test_lighttpd():
    servers.compare(scenario, "lighttpd", servers.version_of("/usr/sbin/lighttpd", "-v"),
                    "800 static requests, 30 CGI programs")
