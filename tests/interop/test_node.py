# SPDX-License-Identifier: MIT
"""node: an http server that also starts children, alone and as a cluster of two workers."""

import servers
import web

PROGRAM = """\
const http = require('http'), cluster = require('cluster');
const { execFile } = require('child_process');

function answer(request, response) {
	if (request.url === '/child')
		return execFile('/bin/echo', ['from a child'], (error, text) => response.end(text));
	let size = 0;
	request.on('data', (chunk) => { size += chunk.length; });
	request.on('end', () => response.end(`${request.method} ${request.url} ${size}\\n`.repeat(50)));
}

const [port, workers] = process.argv.slice(2).map(Number);
if (workers && cluster.isPrimary) {
	for (let i = 0; i < workers; i++) cluster.fork();
	process.on('SIGTERM', () => {
		for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
		cluster.on('exit', () => { if (!Object.keys(cluster.workers).length) process.exit(4); });
	});
} else {
	const server = http.createServer(answer);
	server.listen(port, '127.0.0.1');
	if (!workers) process.on('SIGTERM', () => { server.close(() => process.exit(3)); });
}
"""


def drive(run, workers):
    port = servers.free_port()
    program = run.file("server.js", PROGRAM)
    node = run.start("/usr/bin/node", program, port, workers, port=port)
    seen = [web.kept_alive(port, "/a", 400), web.one_each(port, "/b", 200),
            web.post(port, "/c", b"x" * 100000), web.one_each(port, "/child", 10)]
    return seen + [run.stop(node)]


def version():
    return servers.version_of("/usr/bin/node", "--version")


def test_http_server():
    servers.compare(lambda run: drive(run, 0), "node", version(),
                    "601 requests kept alive and closing, 10 child processes")


def test_cluster():
    servers.compare(lambda run: drive(run, 2), "node cluster", version(),
                    "the same with two workers, which get their sockets from the primary")
