// SPDX-License-Identifier: MIT
// A node server that sends its connections to a process, which serves and closes them, and keeps
// its own handles (keepOpen).
// --fixed: it lets node close them once they were received.
'use strict';
const net = require('net');
const { fork } = require('child_process');

const CLIENTS = 2;
const isFixed = process.argv.includes('--fixed');

function beWorker() {
	process.on('message', (text, socket) => {
		socket.on('close', () => process.send('served')).resume();
	});
	process.on('disconnect', () => process.exit(0));
}

function beServer() {
	const worker = fork(__filename, ['--worker']);
	const kept = [];
	let served = 0;
	const server = net.createServer({ pauseOnConnect: true }, (socket) => {
		kept.push(socket);
		worker.send('serve', socket, { keepOpen: !isFixed });
	});
	worker.on('message', () => {
		if (++served === CLIENTS)
			console.log('READY');
	});
	server.listen(0, '127.0.0.1', () => {
		console.log(isFixed ? 'EXPECT none'
			: `EXPECT cause=passed-copy-kept verdict=leak count=${CLIENTS}`);
		console.log(`CLIENTS ${server.address().port} ${CLIENTS} drop`);
	});
	worker.on('exit', () => process.exit(0));
	process.stdin.on('end', () => worker.disconnect()).resume();
}

if (process.argv.includes('--worker'))
	beWorker();
else
	beServer();
