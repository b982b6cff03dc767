<?php
// SPDX-License-Identifier: MIT
// A PHP server of the command line that reads each stream to its end and keeps it.  PHP closes what
// is open when the script has ended, before main returns.
// --fixed: the stream is closed.
const CLIENTS = 3;

$isFixed = in_array('--fixed', $argv);
echo $isFixed ? "EXPECT none\n" : 'EXPECT cause=eof-read-not-closed verdict=leak count=' . CLIENTS . "\n";
$listener = stream_socket_server('tcp://127.0.0.1:0');
$name = stream_socket_get_name($listener, false);
echo 'CLIENTS ', substr($name, strrpos($name, ':') + 1), ' ', CLIENTS, " drop\n";
$kept = [];
for ($i = 0; $i < CLIENTS; $i++) {
    $stream = stream_socket_accept($listener, 60);
    while (!feof($stream)) {
        fread($stream, 100);
    }
    if ($isFixed) {
        fclose($stream);
    } else {
        $kept[] = $stream;
    }
}
echo "READY\n";
while (fgets(STDIN) !== false) {
}
