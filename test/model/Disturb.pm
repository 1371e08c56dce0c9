# More steps: commands that only look, changes of the configuration, and what others do to the host.
package Steps;
use strict;
use warnings;
use Socket;

use Model;
use World;

# Commands that change nothing: what Look compares after each step shows it.

sub do_check {
	my ($s) = @_;
	my ($got, $out, $err) = $s->{w}->natmap('', 'check');
	my $verdict = $s->{m}->verdict;
	expect("check: $out$err", $got, $verdict // (0, 3));
	die "check: $out" if ($got == 0) != ($out eq '');
	return $got;
}

sub do_list_one {
	my ($s) = @_;
	my $id = random_id();
	my ($got, $out) = $s->{w}->natmap('', 'list', $id);
	expect("list $id", $got, 0);
	die "list $id: $out" if ($out ne '') != exists $s->{m}{records}{$id};
	return $id;
}

sub do_plan {
	my ($s) = @_;
	my ($which, @maps) = (rnd(1000), grep { $_->{port} } random_mappings(3));
	my ($m, @ids) = ($s->{m}, grep { !$s->{m}{dead}{$s->{current}{$_}{pid}} && !$s->{current}{$_}{net} } sort keys %{$s->{current}});
	return 'nobody' unless @ids && @maps;
	my $p = $s->{current}{$ids[$which % @ids]};
	my $parsed = Model::parsed(@maps);
	my $rc = !$parsed || $m->refused(@$parsed) ? 5 : 0;
	my $input = $s->{w}->hook_input(@$p{qw(id pid)}, 'running', $p->{bundle}, 'io.natmap.ports' => specs(@maps));
	my ($got, $out) = $s->{w}->natmap($input, 'plan');
	expect("plan " . specs(@maps), $got, $rc);
	for my $tag (map { Model::tag($p->{id}, $_) } $rc ? () : @$parsed) {
		die "plan has no $tag: $out" if index($out, $tag) < 0;
	}
	return specs(@maps) . " -> $rc";
}

sub do_metrics {
	my ($s) = @_;
	my ($got, $out) = $s->{w}->natmap('', 'metrics');
	my %count = (running => scalar $s->{m}->live);
	$count{gone} = $s->{m}->records - $count{running};
	expect('metrics', $got, 0);
	for my $state (sort keys %count) {
		die "metrics: $count{$state} $state expected: $out" if $out !~ /^natmap_containers\{state="$state"\} $count{$state}$/m;
	}
	return '';
}

sub do_doctor {
	my ($s) = @_;
	my $w = $s->{w};
	my ($got) = $w->run('', $w->{natmap}, '--config', "$w->{tmp}/natmap.json", '--state-dir', "$w->{tmp}/state", 'doctor');
	expect('doctor', $got, 0, 1);
	return $got;
}

# The configuration

# Entry number I, of these each has a port of its own. HOST is an address of a node.
sub static_rule {
	my ($i) = @_;
	my $node = $World::NODES[$i % @World::NODES];
	my ($address, $port) = ("10.88.7.$World::LAST{$node}", 7000 + $i);
	my @common = (name => "s$i", internal_address => $address);
	return {kind => 'snat', name => "s$i", json => {@common, external_address => '192.0.2.3'}} if $i == 6;
	my @hairpin = (external_address => '192.0.2.3', ports => "$port", lan => '10.88.7.0/24');
	return {kind => 'hairpin', name => "s$i", json => {@common, @hairpin}} if $i == 7;
	my $proto = $i % 2 ? 'udp' : 'tcp';
	my @external = $i % 3 ? (external_address => '192.0.2.3') : ();
	return {kind => 'dnat', name => "s$i", port => $port, proto => $proto, node => $node, external => $external[1],
		json => {@common, ports => "$port", protocol => $proto, @external}};
}

sub write_config {
	my ($s) = @_;
	my $c = $s->{m}{config};
	my %static = (dnat => [], snat => [], hairpin => []);
	push @{$static{$_->{kind}}}, $_->{json} for @{$c->{static}};
	my %is = map { $_ => $c->{$_} ? JSON::PP::true : JSON::PP::false } qw(localhost hairpin masquerade_all network);
	my $reserved = join ',', map { "$_->[0]-$_->[1]" } @{$c->{reserved}};
	$s->{w}->write_config({backend => $c->{backend}, map({ $_ => $is{$_} } qw(localhost hairpin masquerade_all)),
		policy => {reserved_ports => $reserved, network => $is{network}}, static => \%static});
}

sub do_static {
	my ($s) = @_;
	my ($c, $i) = ($s->{m}{config}, rnd(8));
	my @others = grep { $_->{name} ne "s$i" } @{$c->{static}};
	my $comes = @others == @{$c->{static}};
	# the order of the configuration: by kind
	my %order = (dnat => 0, snat => 1, hairpin => 2);
	$c->{static} = [sort { $order{$a->{kind}} <=> $order{$b->{kind}} || $a->{name} cmp $b->{name} }
		@others, $comes ? static_rule($i) : ()];
	$s->{m}{config_changed} = 1;
	$s->write_config;
	return ($comes ? '+' : '-') . "s$i";
}

sub do_policy {
	my ($s) = @_;
	my $c = $s->{m}{config};
	$c->{reserved} = one_of([], [], [[8000, 8003]], [[8010, 8013], [8020, 8020]]);
	$c->{network} = chance(0.8);
	$s->write_config;
	return join(',', map { "$_->[0]-$_->[1]" } @{$c->{reserved}}) . ($c->{network} ? ' network' : '');
}

# A port on 127.0.0.2 that is there already needs localhost.
sub do_layout {
	my ($s) = @_;
	my $c = $s->{m}{config};
	my $needs_localhost = grep { grep { $_->{host} =~ /^127/ } @{$_->{maps}} } $s->{m}->records;
	my $localhost = chance(0.7);
	$c->{localhost} = $localhost || $needs_localhost;
	$c->{$_} = chance(0.5) for qw(hairpin masquerade_all);
	$s->{m}{config_changed} = 1;
	$s->write_config;
	return join ' ', map { "$_=" . ($c->{$_} ? 1 : 0) } qw(localhost hairpin masquerade_all);
}

sub do_backend {
	my ($s) = @_;
	$s->{m}{config}{backend} = one_of(qw(iptables nftables auto));
	$s->{m}{config_changed} = 1;
	$s->write_config;
	return $s->{m}{config}{backend};
}

# What others do to the host

my @FOREIGN = (
	['filter', qw(-A INPUT)], ['filter', qw(-A FORWARD)], ['filter', qw(-I FORWARD)], ['filter', qw(-A DOCKER-USER)],
	['filter', qw(-I DOCKER-USER)], ['nat', qw(-A PREROUTING)], ['nat', qw(-I PREROUTING)], ['nat', qw(-A POSTROUTING)],
	['nat', qw(-I POSTROUTING)], ['nat', qw(-A OUTPUT)], ['raw', qw(-A PREROUTING)], ['mangle', qw(-A FORWARD)],
);

# A rule of somebody else, whose comment looks like one of natmap's.
sub do_foreign {
	my ($s) = @_;
	my ($number, $rule, $program, $is_nft) = ($s->{next_foreign}++, one_of(@FOREIGN), one_of(qw(iptables ip6tables)), chance(0.25));
	my $comment = "x-natmap:foreign:$number";
	if ($is_nft) {
		$s->{w}->must('nft', "add table inet f$number; add chain inet f$number c { type filter hook forward priority 5; };" .
			"add rule inet f$number c tcp dport 9 counter comment \"$comment\"");
		$s->{m}{foreign}{$number} = {undo => ['nft', "delete table inet f$number"], where => 'nft'};
		return "nft f$number";
	}
	my ($table, $how, $chain) = @$rule;
	my @match = (qw(-p tcp --dport 9 -m comment --comment), $comment, qw(-j RETURN));
	my ($rc) = $s->{w}->run('', $program, '-w', '-t', $table, $how, $chain, @match);
	die "$program -t $table $how $chain: exit status $rc\n" if $rc && $chain ne 'DOCKER-USER';
	$s->{m}{foreign}{$number} = {undo => [$program, '-w', '-t', $table, '-D', $chain, @match], where => "$program $table"} if $rc == 0;
	$s->{m}{hurt} = 1;
	return "$number $program -t $table $how $chain -> $rc";
}

sub unforeign {
	my ($s, $number) = @_;
	$s->{w}->must(@{delete($s->{m}{foreign}{$number})->{undo}});
	$s->{m}{hurt} = 1;
}

sub do_unforeign {
	my ($s) = @_;
	my $which = rnd(1000);
	my @numbers = sort { $a <=> $b } keys %{$s->{m}{foreign}} or return 'none';
	my $number = $numbers[$which % @numbers];
	$s->unforeign($number);
	return $number;
}

# took(WHERE or undef: everything): what of the model the kernel no longer has, or may have lost
sub took {
	my ($s, $where) = @_;
	my $m = $s->{m};
	$m->{traces_lost} = 1 if $m->{links_hurt};
	for my $number (keys %{$m->{foreign}}) {
		delete $m->{foreign}{$number} if !$where || $m->{foreign}{$number}{where} eq $where;
	}
	$_->{is} = $where ? 'maybe' : 'lost' for $m->records;
	$m->{applied_is} = $where ? 'maybe' : 'lost';
	$m->{$where ? 'hurt' : 'lost'} = 1;
	$m->{stale} = 0 unless $where;
}

sub do_foreign_flush {
	my ($s) = @_;
	my ($kind, $program, $family) = (rnd(4), one_of(qw(iptables ip6tables)), one_of(qw(ip ip6)));
	if ($kind == 0) {
		$s->{w}->must(qw(nft flush ruleset));
		$s->took;
		return 'nft flush ruleset';
	}
	if ($kind == 3) {
		my ($rc) = $s->{w}->run('', 'nft', 'delete', 'table', $family, 'natmap');
		$s->took('natmap') if $rc == 0;
		return "nft delete table $family natmap -> $rc";
	}
	my $table = $kind == 1 ? 'filter' : 'nat';
	$s->{w}->must($program, '-w', '-t', $table, '-F');
	$s->took("$program $table");
	return "$program -t $table -F";
}

sub do_forward_policy {
	my ($s) = @_;
	my ($program, $policy) = (one_of(qw(iptables ip6tables)), one_of(qw(DROP ACCEPT)));
	$s->{w}->must($program, '-w', '-P', 'FORWARD', $policy);
	@{$s->{m}}{qw(blocked hurt)} = (1, 1);
	return "$program -P FORWARD $policy";
}

# A service of the host's own comes, or goes.
sub do_listener {
	my ($s) = @_;
	my ($m, $port) = ($s->{m}, 8000 + rnd(32));
	my $socket = delete $m->{listeners}{$port};
	if (!$socket) {
		socket($socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
		setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, pack('l', 1)) or die "SO_REUSEADDR: $!";
		bind($socket, sockaddr_in($port, INADDR_ANY)) && listen($socket, 5) or die "port $port: $!";
		$m->{listeners}{$port} = $socket;
	}
	return ($m->{listeners}{$port} ? '+' : '-') . $port;
}

# Nothing of what was is there any more, but for the configuration.
sub do_reboot {
	my ($s) = @_;
	my ($m, $w) = @$s{qw(m w)};
	$s->end_process($_) for grep { !$m->{dead}{$_} } map { $_->{pid} } values %{$s->{current}};
	$s->{current} = {};
	$w->must(qw(nft flush ruleset));
	$s->took;
	$w->must('rm', '-rf', "$w->{tmp}/state");
	$w->run('', 'ip', 'link', 'del', $_) for grep { /^(natmap0|nm)/ } $w->links;
	$w->restore_settings;
	$s->nothing_published;
	return '';
}

# The state is gone, or is said to be of another boot, and the rules are there: those of containers are nobody's then.
sub do_lose_state {
	my ($s) = @_;
	my ($m, $w, $is_boot) = (@$s{qw(m w)}, chance(0.5));
	my $text = World::slurp("$w->{tmp}/state/state") // return 'no state';
	$s->end_process($_->{pid}) for grep { $_->{net} && !$m->{dead}{$_->{pid}} } values %{$s->{current}};
	$is_boot &&= $text =~ s/"boot":"[^"]*"/"boot":"00000000-0000-0000-0000-000000000000"/;
	$is_boot ? World::spew("$w->{tmp}/state/state", $text) : $w->must('rm', '-rf', "$w->{tmp}/state");
	$m->{stale} = 1 if grep { !/^natmap:(@|foreign:)/ } $w->tags;
	$m->{records} = {};
	$m->{traces_lost} = 1 if $m->{lost} || $m->{hurt};
	@$m{qw(hurt links_hurt state_was_lost)} = (1, 1, 1);
	return $is_boot ? 'of another boot' : 'removed';
}

1;
