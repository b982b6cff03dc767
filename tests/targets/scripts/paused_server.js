// SPDX-License-Identifier: MIT
// A node server that stops reading from each connection after its first data, as a full consumer
// makes it do, and never starts again.  One more connection is alive and read.
// --fixed: it reads on, and node closes what has ended.
'use strict';
const net = require('net');

const CLIENTS = 3;
const isFixed = process.argv.includes('--fixed');
let served = 0;

const server = net.createServer((socket) => {
	if (socket.localPort !== server.address().port)
		return;
	socket.on('data', () => {
		if (!isFixed && served < CLIENTS)
			socket._handle.readStop();
		served++;
	});
	socket.on('close', () => served++);
});

function ready() {
	const living = net.connect(server.address().port, '127.0.0.1', () => {
		living.write('hi');
		setTimeout(() => console.log('READY'), 100);
	});
}

server.listen(0, '127.0.0.1', () => {
	console.log(isFixed ? 'EXPECT none'
		: `EXPECT cause=reading-paused verdict=stall count=${CLIENTS}`);
	console.log(`CLIENTS ${server.address().port} ${CLIENTS} drop`);
	const waiting = setInterval(() => {
		if (served < (isFixed ? 2 * CLIENTS : CLIENTS))
			return;
		clearInterval(waiting);
		ready();
	}, 10);
});
process.stdin.on('end', () => process.exit(0)).resume();
