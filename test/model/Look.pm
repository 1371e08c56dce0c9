# Compares the model with what natmap lists, and with the kernel, which is asked without natmap: comments of rules and elements,
# interfaces, and packets.
package Look;
use strict;
use warnings;

use Model;

# Each dies with what differs.

sub same {
	my ($what, $expected, $actual) = @_;
	my %in_expected = map { $_ => 1 } @$expected;
	my %in_actual = map { $_ => 1 } @$actual;
	my @lines = (map({ "  - $_\n" } grep { !$in_actual{$_} } @$expected), map({ "  + $_\n" } grep { !$in_expected{$_} } @$actual));
	die "$what (- expected, + found):\n", @lines, "\n" if @lines;
}

sub record_line {
	my ($m, $r) = @_;
	my $state = $m->gone($r) ? 'gone' : 'running';
	return join ' ', $r->{id}, $r->{pid}, $state, $r->{bundle}, $r->{net} ? 'bridge' : 'node', map { Model::text($_) } @{$r->{maps}};
}

sub listed_line {
	my ($c) = @_;
	my @ports = map { $_->{ports} } @{$c->{mappings}};
	return join ' ', @$c{qw(id pid state)}, $c->{bundle} // '', $c->{network} ? 'bridge' : 'node', @ports;
}

sub static_line { my ($s) = @_; "static $s->{kind} $s->{name}" }

# Those of a node on record are its own; those of natmap's network nobody else's.
sub check_addresses {
	my ($containers) = @_;
	my %owner;
	for my $c (@$containers) {
		for my $address (map { s{/.*}{}r } @{($c->{network} // {})->{addresses} // []}) {
			die "$c->{id} and $owner{$address} both have $address\n" if $owner{$address};
			die "$c->{id} has $address\n" if $address !~ /^(10\.86\.0\.|fd00:86::)/;
			$owner{$address} = $c->{id};
		}
	}
}

sub list {
	my ($m, $w) = @_;
	my ($rc, $out) = $w->natmap('', 'list', '--json');
	die "list --json: exit status $rc\n" if $rc;
	my $list = $w->{json}->decode($out);
	same('natmap list', [map({ record_line($m, $_) } $m->records), map { static_line($_) } @{$m->{config}{static}}],
		[map({ listed_line($_) } @{$list->{containers}}), map { static_line($_) } @{$list->{static}}]);
	check_addresses($list->{containers});
	$m->{records}{$_->{id}}{backend} = $_->{backend} for @{$list->{containers}};
	return $list;
}

# Tags

# In nftables one element is for all containers of a pod that share a port, with the comment of one of them.
sub owners_of_map {
	my ($m, $r, $map) = @_;
	return grep { my $o = $_; $o->{node} eq $r->{node} && grep { Model::equal($map, $_) } @{$o->{maps}} } $m->records;
}

sub has_tag {
	my ($m, $tags, $r, $map) = @_;
	return scalar grep { $tags->{Model::tag($_->{id}, $map)} } owners_of_map($m, $r, $map);
}

sub tags_missing {
	my ($m, $tags) = @_;
	my @missing;
	for my $r (grep { $_->{is} eq 'there' } $m->records) {
		push @missing, map { Model::tag($r->{id}, $_) } grep { !has_tag($m, $tags, $r, $_) } @{$r->{maps}};
	}
	push @missing, map { "natmap:\@$_->{kind}/$_->{name}" } $m->{applied_is} eq 'there' ? @{$m->{applied}} : ();
	return grep { !$tags->{$_} } @missing, map { "natmap:foreign:$_" } sort keys %{$m->{foreign}};
}

# Shared ones, natmap:@..., are there as long as anything is.
sub tags_allowed {
	my ($m) = @_;
	my %allowed = map { $_ => 1 } map { my $r = $_; map { Model::tag($r->{id}, $_) } @{$r->{maps}} } $m->records;
	$allowed{"natmap:\@$_->{kind}/$_->{name}"} = 1 for @{$m->{applied}};
	$allowed{"natmap:foreign:$_"} = 1 for keys %{$m->{foreign}};
	return \%allowed;
}

sub kernel_tags {
	my ($m, $w) = @_;
	my @tags = $w->tags;
	my %tags = map { $_ => 1 } @tags;
	my $allowed = tags_allowed($m);
	# where the host does not forward, a hook that closes an interface leaves the configured SNAT its way
	my $free = $m->{config_changed} ? qr/^natmap:\@(?!dnat|hairpin)/ : qr/^natmap:\@(?!dnat|snat|hairpin)/;
	my @excess = grep { !/$free/ && !$allowed->{$_} } @tags;
	same('comments in the kernel', [tags_missing($m, \%tags)], $m->{stale} ? [] : \@excess);
	my $is_needed = %{$m->{records}} || @{$m->{applied}} || $m->{stale} || $m->{config_changed};
	same('shared rules that nobody needs', [], [$is_needed ? () : grep { /^natmap:\@(localnet|network|forward)/ } @tags]);
}

# Interfaces. With a namespace the kernel takes away what was in it, and the other end with that.

sub links {
	my ($m, $w, $list) = @_;
	return if $m->{stale} || $m->{links_hurt};
	my %network = map { $_->{id} => $_->{network} } grep { $_->{network} } @{$list->{containers}};
	my %may_go = map { $network{$_->{id}}{port} => 1 } grep { $network{$_->{id}} && $m->gone($_) } $m->records;
	my @expected = grep { !$may_go{$_} } map { @$_{qw(bridge port)} } values %network;
	same('interfaces', \@expected, [grep { /^(natmap0|nm[0-9a-f]{12})$/ && !$may_go{$_} } $w->links]);
}

# Packets

# The owners of a port whose answer is known: of one target, in the kernel, and nobody else's.
sub is_known {
	my ($m, $proto, $address, $port) = @_;
	my @owners = grep { ref } $m->owners($proto, $address, $port);
	return 0 if grep { $_->{kind} || $_->{is} ne 'there' || $_->{node} ne $owners[0]{node} } @owners;
	return @owners == 1 || !grep { $_->{allow} } @owners;
}

# Ways to ask for a mapping: [node, address, source address or undef, whether an answer must come]
sub ways {
	my ($m, $r, $map) = @_;
	my @own = $map->{any} ? ('192.0.2.1', '192.0.2.3') : ($map->{host});
	my $from_outside = ($r->{allow} // '') !~ /198\.51/;
	my @ways;
	if ($map->{host} =~ /^127/) {
		return [undef, $map->{host}, undef, 1];
	}
	if ($map->{families} & $Model::IPV4) {
		push @ways, map { ['ext', $_, '192.0.2.2', $from_outside], [undef, $_, undef, 1] } @own;
		push @ways, ['ext', $own[0], '192.0.2.9', 0] if $r->{allow};
		push @ways, [undef, '127.0.0.1', undef, 1] if $map->{any} && $r->{localhost};
		push @ways, map { ['ctr4', $_, undef, 1], ['ctr', $_, undef, 1] } $r->{hairpin} && !$r->{allow} ? @own : ();
	}
	if ($map->{families} & $Model::IPV6 && $m->{ipv6}) {
		my $address = $map->{any} ? 'fd00:99::1' : $map->{host};
		push @ways, ['ext', $address, 'fd00:99::2', $from_outside], [undef, $address, undef, 1];
	}
	return @ways;
}

# What the backend nftables closes where the host does not forward has no way for what iptables' chains translate: the ports of a
# container that was there before the backend changed, until a reload.
sub is_closed {
	my ($m, $r) = @_;
	return !$m->{forwards} && $r->{backend} eq 'iptables' && grep { $_->{backend} eq 'nftables' } $m->records;
}

# A port of the model, from one of the places from where it answers, or must not.
sub ask_published {
	my ($m, $w, $rng) = @_;
	my @there = grep { $_->{is} eq 'there' && @{$_->{maps}} && !($_->{net} && $m->gone($_)) } $m->records;
	my ($which, $place, $offset) = ($rng->(1000), $rng->(1000), $rng->(1000));
	return if !@there || $m->{stale} || $m->{blocked};
	my $r = $there[$which % @there];
	my @maps = grep { $_->{proto} ne 'sctp' } @{$r->{maps}};
	return unless @maps;
	my $map = $maps[$offset % @maps];
	my @ways = grep { !$_->[0] || !$_->[3] || !is_closed($m, $r) } ways($m, $r, $map);
	return unless @ways;
	my ($node, $address, $from, $answers) = @{$ways[$place % @ways]};
	$offset %= $map->{n};
	return unless is_known($m, $map->{proto}, $address, $map->{port} + $offset);
	my $expected = $answers ? "$r->{server} " . ($map->{to} + $offset) : '';
	my $question = join ' ', $node // 'host', $map->{proto}, $address, $map->{port} + $offset;
	my $got = $w->ask($answers ? 30 : 0.05, $node, $map->{proto}, $address, $map->{port} + $offset, $from);
	die "$question: answered '$got', expected '$expected', of ", record_line($m, $r), "\n" if $got ne $expected;
	$w->{asked}{$answers ? 'yes' : 'no'}++;
}

# A port that nobody has.
sub ask_nobody {
	my ($m, $w, $rng) = @_;
	my ($proto, $address, $port) = ($rng->(8) ? 'tcp' : 'udp', "192.0.2." . ($rng->(2) ? 1 : 3), 8000 + $rng->(32));
	return if $m->{stale} || $m->owners($proto, $address, $port);
	my $got = $w->ask($proto eq 'tcp' ? 2 : 0.03, 'ext', $proto, $address, $port, '192.0.2.2');
	die "$proto $address $port: answered '$got', though nobody has it\n" if $got ne '';
	$w->{asked}{nobody}++;
}

sub ask_static {
	my ($m, $w, $rng) = @_;
	my ($which, $any) = ($rng->(1000), $rng->(2));
	my @dnat = grep { $_->{kind} eq 'dnat' } @{$m->{applied}};
	return if !@dnat || $m->{applied_is} ne 'there' || $m->{stale} || $m->{blocked} || $m->{config_changed};
	my $s = $dnat[$which % @dnat];
	my $address = $s->{external} // ($any ? '192.0.2.1' : '192.0.2.3');
	return if grep { ref && !$_->{kind} } $m->owners($s->{proto}, $address, $s->{port});
	my $got = $w->ask(30, 'ext', $s->{proto}, $address, $s->{port}, '192.0.2.2');
	die "static $s->{name}: answered '$got'\n" if $got ne "$s->{node} $s->{port}";
	$w->{asked}{static}++;
}

# all(MODEL, WORLD, RNG): after a step
sub all {
	my ($m, $w, $rng) = @_;
	my $list = list($m, $w);
	kernel_tags($m, $w);
	links($m, $w, $list);
	ask_published($m, $w, $rng);
	ask_nobody($m, $w, $rng);
	ask_static($m, $w, $rng);
}

1;
