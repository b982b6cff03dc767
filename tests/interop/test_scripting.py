# SPDX-License-Identifier: MIT
"""Forking servers in Perl and Ruby, as their manuals show them."""

import lines
import servers

PERL = """\
use strict;
use IO::Socket::INET;
$SIG{CHLD} = 'IGNORE';
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0],
                                     Listen => 128, ReuseAddr => 1) or die;
while (1) {
	my $client = $listener->accept or next;
	my $pid = fork;
	if ($pid == 0) {
		close $listener;
		$client->autoflush(1);
		while (my $line = <$client>) { print $client uc $line }
		exit 0;
	}
	close $client;
}
"""

RUBY = """\
require 'socket'
listener = TCPServer.new('127.0.0.1', ARGV[0].to_i)
loop do
  client = listener.accept
  Process.detach(fork do
    listener.close
    while (line = client.gets)
      client.write line.upcase
    end
    client.close
  end)
  client.close
end
"""


def scenario(interpreter, text):
    def drive(run):
        port = servers.free_port()
        program = run.file("server", text)
        server = run.start(interpreter, program, port, port=port)
        seen = lines.clients(port, 60)
        return [seen, run.stop(server)]
    return drive


def test_perl():
    servers.compare(scenario("/usr/bin/perl", PERL), "perl",
                    servers.version_of("/usr/bin/perl", "-e", "print \"perl $^V\\n\""),
                    "60 clients, eight at a time, a child each")


def test_ruby():
    servers.compare(scenario("/usr/bin/ruby", RUBY), "ruby",
                    servers.version_of("/usr/bin/ruby", "--version"),
                    "60 clients, eight at a time, a child each")
