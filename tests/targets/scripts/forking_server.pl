# SPDX-License-Identifier: MIT
# A Perl server that forks for each connection.  The parent keeps the handle of each in a list of
# clients, and so its descriptor.
# --fixed: the parent closes it after the fork.
use strict;
use warnings;
use IO::Socket::INET;

my $clients  = 3;
my $is_fixed = grep { $_ eq '--fixed' } @ARGV;
our @kept; # a lexical would end with its scope, and its handles with it
my @children;

$| = 1;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 9) or die $!;
print $is_fixed ? "EXPECT none\n" : "EXPECT cause=parent-kept-copy verdict=leak count=$clients\n";
print 'CLIENTS ', $listener->sockport, " $clients drop\n";
for (1 .. $clients) {
	my $client = $listener->accept or die $!;
	my $child  = fork // die $!;
	if (!$child) {
		my $text;
		1 while sysread $client, $text, 100;
		close $client;
		exit 0;
	}
	push @children, $child;
	$is_fixed ? close $client : push @kept, $client;
}
waitpid $_, 0 for @children;
print "READY\n";
1 while <STDIN>;
