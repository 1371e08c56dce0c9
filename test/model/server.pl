# server.pl NAME PORT[-END]...: answers each line that comes to one of these ports, tcp or udp, IPv4 or IPv6, with
# "NAME PORT". Prints "ready" first.
use strict;
use warnings;
use Socket qw(:DEFAULT IPPROTO_IPV6 IPV6_V6ONLY pack_sockaddr_in6 IN6ADDR_ANY);

my ($name, @ranges) = @ARGV;
my (%port, %is_listener, %is_stream, $bits);

sub add {
	my ($socket, $port, $is_stream, $is_listener) = @_;
	my $fd = fileno $socket;
	$port{$fd} = [$socket, $port];
	$is_stream{$fd} = $is_stream;
	$is_listener{$fd} = $is_listener;
	vec($bits, $fd, 1) = 1;
}

sub listen_on {
	my ($port, $type) = @_;
	socket(my $s, AF_INET6, $type, 0) or die "socket: $!";
	setsockopt($s, IPPROTO_IPV6, IPV6_V6ONLY, pack('l', 0)) or die "both families: $!";
	setsockopt($s, SOL_SOCKET, SO_REUSEADDR, pack('l', 1)) or die "SO_REUSEADDR: $!";
	bind($s, pack_sockaddr_in6($port, IN6ADDR_ANY)) or die "port $port: $!";
	$type == SOCK_DGRAM || listen($s, 64) or die "listen: $!";
	add($s, $port, $type == SOCK_STREAM, $type == SOCK_STREAM);
}

sub forget {
	my ($fd) = @_;
	vec($bits, $fd, 1) = 0;
	delete $port{$fd};
}

sub serve {
	my ($fd) = @_;
	my ($s, $port) = @{$port{$fd}};
	if ($is_listener{$fd}) {
		my $new;
		accept($new, $s) and add($new, $port, 1, 0);
		return;
	}
	my $peer = recv($s, my $text, 4096, 0);
	return $is_stream{$fd} ? forget($fd) : () if !defined $peer || ($is_stream{$fd} && !length $text);
	$is_stream{$fd} ? send($s, "$name $port\n", MSG_NOSIGNAL) : send($s, "$name $port\n", 0, $peer);
}

$bits = '';
for my $range (@ranges) {
	my ($first, $last) = split /-/, $range;
	for my $port ($first .. $last // $first) {
		listen_on($port, $_) for SOCK_STREAM, SOCK_DGRAM;
	}
}
print "ready\n";
close STDOUT;
while (1) {
	select(my $ready = $bits, undef, undef, undef) > 0 or next;
	vec($ready, $_, 1) && $port{$_} && serve($_) for 0 .. 8 * length($ready) - 1;
}
