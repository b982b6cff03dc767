// SPDX-License-Identifier: MIT
// A node server that is made to compute for ever by what a client sends, so that its loop does not
// look at the connection again.  Node's own threads wait in loops of theirs meanwhile.
// --fixed: it computes nothing, and node closes what has ended.
'use strict';
const net = require('net');

const isFixed = process.argv.includes('--fixed');

const server = net.createServer((socket) => {
	socket.on('data', () => {
		if (isFixed)
			return;
		console.log('READY');
		for (;;)
			;
	});
	socket.on('close', () => console.log('READY'));
});

server.listen(0, '127.0.0.1', () => {
	console.log(isFixed ? 'EXPECT none' : 'EXPECT cause=loop-stopped verdict=stall count=1');
	console.log(`CLIENTS ${server.address().port} 1 drop`);
});
process.stdin.on('end', () => process.exit(0)).resume();
