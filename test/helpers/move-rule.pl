# move-rule.pl add|insert TABLE CHAIN HANDLE PROTOCOL: moves an IPv4 rule to the end or the head of its chain as it is, byte for
# byte, which neither nft nor iptables can do. PROTOCOL: the number of the one it matches, which xtables ask for; or 0.
use strict;
use warnings;

my ($how, $table, $chain, $handle, $protocol) = @ARGV;
socket(my $socket, 16, 3, 12) or die "socket: $!"; # AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER

sub attr { my ($type, $data) = @_; my $a = pack("SS", 4 + length $data, $type) . $data; $a . "\0" x (-length($a) % 4) }
sub message { my ($type, $flags, $family, $id, $data) = @_; pack("LSSLLCCn", 20 + length $data, $type, $flags, 1, 0, $family, 0, $id) . $data }
sub rule { my ($type, $flags, $data) = @_; message(0xa00 | $type, $flags, 2, 0, attr(1, "$table\0") . attr(2, "$chain\0") . $data) }

send($socket, rule(7, 0x301, ""), 0) or die "send: $!"; # NFT_MSG_GETRULE, dump
my ($found, $done);
until ($done) {
	recv($socket, my $all, 1 << 16, 0) // die "recv: $!";
	while (length $all) {
		my ($len, $type) = unpack("LS", $all);
		my $rest = substr($all, 20, $len - 20);
		my %attr;
		while ($type != 3 && length $rest) {
			my ($size, $kind) = unpack("SS", $rest);
			$attr{$kind & 0x3fff} = substr($rest, 4, $size - 4);
			$rest = substr($rest, ($size + 3) & ~3);
		}
		$done = 1 if $type == 3; # NLMSG_DONE
		$found = {%attr} if $attr{3} && unpack("Q>", $attr{3}) == $handle;
		$all = substr($all, ($len + 3) & ~3);
	}
}
$found or die "no such rule\n";

my $rule = attr(0x8004, $found->{4}) . (defined $found->{7} ? attr(7, $found->{7}) : ""); # expressions, user data
$rule .= attr(0x8005, attr(1, pack("N", $protocol)) . attr(2, pack("N", 0))) if $protocol; # NFTA_RULE_COMPAT
send($socket, message(0x10, 1, 0, 10, "") . rule(8, 1, attr(3, $found->{3})) . # delete, and add again
	rule(6, 0x405 | ($how eq "add" ? 0x800 : 0), $rule) . message(0x11, 1, 0, 10, ""), 0) or die "send: $!";
recv($socket, my $answer, 1 << 16, 0) // die "recv: $!";
my $error = unpack("x16l", $answer);
die "refused: $error\n" if $error;
