# What natmap promises, as a small model: who owns which port, which static rules count, what a command must answer. No I/O.
package Model;
use strict;
use warnings;

our ($IPV4, $IPV6) = (1, 2);

sub new {
	my ($class, %start) = @_;
	return bless {
		config => {},
		records => {},     # id => {id pid node bundle net maps}; what natmap has recorded
		dead => {},        # pid => 1
		applied => [],     # static rules that the last reload has put in place
		listeners => {},   # TCP ports of the host's own services
		foreign => {},     # number => rule of somebody else
		lost => 0,         # somebody has taken all of natmap's rules
		hurt => 0,         # somebody has taken some of them, or may have
		stale => 0,        # the state was lost, so that rules of nobody may be there
		config_changed => 0,
		%start,
	}, $class;
}

# Mappings

# mapping(HOST, FIRST, N, CONTAINER_PORT, PROTO, [POOL_FIRST, POOL_LAST]): HOST: "", "0.0.0.0", "::" or an address
sub mapping {
	my ($host, $port, $n, $to, $proto, $pool) = @_;
	my $families = $host eq '' ? $IPV4 | $IPV6 : $host =~ /:/ ? $IPV6 : $IPV4;
	return {host => $host, any => scalar($host =~ /^(|0\.0\.0\.0|::)$/), families => $families, port => $port, n => $n,
		to => $to, proto => $proto, pool => $pool};
}

sub range_text { my ($first, $n) = @_; $n == 1 ? $first : "$first-" . ($first + $n - 1) }

sub host_text { my ($m) = @_; $m->{host} eq '' ? '' : $m->{host} =~ /:/ ? "[$m->{host}]:" : "$m->{host}:" }

# As list and the state write it.
sub text {
	my ($m) = @_;
	return host_text($m) . range_text($m->{port}, $m->{n}) . ':' . range_text($m->{to}, $m->{n}) . "/$m->{proto}";
}

# As an annotation asks for it.
sub spec {
	my ($m) = @_;
	return text($m) unless $m->{pool};
	return host_text($m) . (is_any_port($m) ? 0 : "$m->{pool}[0]-$m->{pool}[1]") . ":$m->{to}/$m->{proto}";
}

sub is_any_port { my ($m) = @_; $m->{pool}[0] == 61000 }

sub tag { my ($id, $m) = @_; "natmap:$id:" . range_text($m->{port}, $m->{n}) }

sub equal {
	my ($a, $b) = @_;
	return $a->{port} && text($a) eq text($b);
}

sub overlap {
	my ($a, $b) = @_;
	return 0 if !$a->{port} || !$b->{port} || $a->{proto} ne $b->{proto} || !($a->{families} & $b->{families});
	return 0 if !$a->{any} && !$b->{any} && $a->{host} ne $b->{host};
	return $a->{port} < $b->{port} + $b->{n} && $b->{port} < $a->{port} + $a->{n};
}

sub overlaps_any {
	my ($m, @others) = @_;
	return scalar grep { $_ != $m && overlap($m, $_) } @others;
}

# covers(MAPPING, PROTO, ADDRESS, PORT): whether it takes packets to there
sub covers {
	my ($m, $proto, $address, $port) = @_;
	return overlap($m, mapping($address, $port, 1, 1, $proto));
}

# Records

sub records { my ($m) = @_; map { $m->{records}{$_} } sort keys %{$m->{records}} }
sub gone { my ($m, $r) = @_; $m->{dead}{$r->{pid}} }
sub live { my ($m) = @_; grep { !$m->gone($_) } $m->records }
sub families_of { my $all = 0; $all |= $_->{families} for @_; $all }

sub same_target {
	my ($a, $b) = @_;
	return 0 if $a->{net} || $b->{net} || $a->{node} ne $b->{node};
	return families_of(@{$a->{maps}}) & families_of(@{$b->{maps}});
}

# Whether the two want one port, which containers of a pod may share.
sub conflict {
	my ($a, $b) = @_;
	my $is_pod = same_target($a, $b);
	for my $m (@{$a->{maps}}) {
		for my $n (@{$b->{maps}}) {
			return 1 if overlap($m, $n) && !($is_pod && equal($m, $n));
		}
	}
	return 0;
}

sub any_overlap {
	my ($a, $b) = @_;
	return scalar grep { overlaps_any($_, @{$b->{maps}}) } @{$a->{maps}};
}

# Static rules: {kind name external port proto node}

sub static_overlaps {
	my ($s, $m) = @_;
	return 0 if $s->{kind} ne 'dnat';
	return overlap($m, mapping($s->{external} // '0.0.0.0', $s->{port}, 1, 1, $s->{proto}));
}

# What is asked for, against the configuration

sub allowed_port { my ($m, $port) = @_; !grep { $port >= $_->[0] && $port <= $_->[1] } @{$m->{config}{reserved}} }

sub allowed_ports {
	my ($m, $map) = @_;
	return scalar grep { $m->allowed_port($_) } $map->{pool}[0] .. $map->{pool}[1] if !$map->{port};
	return !grep { !$m->allowed_port($_) } $map->{port} .. $map->{port} + $map->{n} - 1;
}

sub refused {
	my ($m, @maps) = @_;
	for my $map (@maps) {
		return 1 if !$m->allowed_ports($map) || (!$m->{config}{localhost} && $map->{host} =~ /^127/);
	}
	return 0;
}

# Equal ones count once, as natmap's parser has it; undef where they overlap each other.
sub parsed {
	my (@maps) = @_;
	my @list;
	for my $m (@maps) {
		next if grep { equal($m, $_) } @list;
		return undef if overlaps_any($m, @list);
		push @list, $m;
	}
	return \@list;
}

sub hidden { my ($m, $map) = @_; scalar grep { covers($map, 'tcp', '0.0.0.0', $_) } keys %{$m->{listeners}} }

# Whether a port that natmap may choose is nobody's.
sub is_free {
	my ($m, $map, $new, @others) = @_;
	return $m->allowed_port($map->{port}) && !grep({ static_overlaps($_, $map) } @{$m->{config}{static}}) &&
		!grep({ overlaps_any($map, @{$_->{maps}}) } @others) && !overlaps_any($map, @{$new->{maps}}) && !$m->hidden($map);
}

# choices(MAPPING of a pool, NEW, IS_ANY, RECORDS THAT STAY): the ports that natmap may choose, as {port => 1}. What the container
# has, or a container of its pod, is kept; else it is the first that is free, of a large range, and behind another choice, any.
sub choices {
	my ($m, $map, $new, $is_any, @others) = @_;
	my $known = $m->{records}{$new->{id}};
	my (%former, @free);
	# host port 0 keeps any port that the process has for it
	my @known = $known && is_any_port($map) ? grep { $_ < $map->{pool}[0] } map { $_->{port} } @{$known->{maps}} : ();
	for my $port (@known, $map->{pool}[0] .. $map->{pool}[1]) {
		my $candidate = {%$map, port => $port};
		my @mine = grep { $_ != $map } @{$new->{maps}};
		next if overlaps_any($candidate, @mine);
		$former{$port} = 1 if $known && $known->{pid} == $new->{pid} && grep { equal($candidate, $_) } @{$known->{maps}};
		$former{$port} = 1 if grep { my $o = $_; same_target($new, $o) && grep { equal($candidate, $_) } @{$o->{maps}} } @others;
		push @free, $port if $port >= $map->{pool}[0] && $m->is_free($candidate, {maps => \@mine}, @others);
	}
	my %kept = map { $_ => 1 } grep { my $p = $_; $known && grep { equal({%$map, port => $p}, $_) } @{$known->{maps}} } @free;
	$is_any ||= is_any_port($map);
	return {%former, %kept, map { $_ => 1 } $is_any ? @free : @free[0 .. ($#free < 0 ? -1 : 0)]};
}

# judge(NEW): what publishing NEW {id pid node bundle net maps} must end with: (exit status, ids that go with it). Of the dead
# of a pod that lives on, which have its address and none of its ports, natmap looks for the oldest only: NEW->{may_go}.
sub judge {
	my ($m, $new) = @_;
	my (@go, @stay);
	my $lives_on = grep { $_->{node} eq $new->{node} } $m->live;
	$new->{may_go} = [];
	for my $r ($m->records) {
		if ($r->{id} eq $new->{id}) {
			return 4 unless $m->gone($r) || $r->{pid} == $new->{pid} || ($r->{bundle} ne '' && $r->{bundle} eq $new->{bundle});
		} elsif (!any_overlap($new, $r) && !same_target($new, $r)) {
			push @stay, $r;
		} elsif ($m->gone($r)) {
			push @{any_overlap($new, $r) || !$lives_on ? \@go : $new->{may_go}}, $r->{id};
		} else {
			return 4 if conflict($new, $r);
			push @stay, $r;
		}
	}
	return $m->judge_ports($new, @stay) || (0, @go);
}

sub has_already {
	my ($m, $new, $map) = @_;
	my $known = $m->{records}{$new->{id}};
	return $known && $known->{pid} == $new->{pid} && grep { equal($map, $_) } @{$known->{maps}};
}

# 4 where a port is a static rule's or a service's, or none is free
sub judge_ports {
	my ($m, $new, @stay) = @_;
	my $has_choice = 0;
	for my $map (@{$new->{maps}}) {
		if (!$map->{port}) {
			$map->{choices} = $m->choices($map, $new, $has_choice++, @stay);
			return 4 unless %{$map->{choices}};
			next;
		}
		next if $m->has_already($new, $map);
		return 4 if grep({ static_overlaps($_, $map) } @{$m->{config}{static}}) || $m->hidden($map);
	}
	return 0;
}

# What check must say: 0, 3, or undef where either is right.
sub verdict {
	my ($m) = @_;
	my @live = $m->live;
	return 3 if grep { $m->gone($_) } $m->records;
	return undef if $m->{config_changed} || $m->{hurt} || $m->{stale};
	return 3 if grep { my $r = $_; grep { $m->hidden($_) } @{$r->{maps}} } @live;
	return undef if $m->{lost} && !grep({ @{$_->{maps}} } @live) && !@{$m->{applied}};
	return $m->{lost} ? 3 : 0;
}

# How reload must end: 1 where the state was lost and rules of containers are there, 4 where a static rule has a port of a
# container that lives.
sub reload_result {
	my ($m, $is_forced) = @_;
	return 1 if $m->{stale} && !%{$m->{records}} && !$is_forced;
	for my $r ($m->live) {
		for my $s (@{$m->{config}{static}}) {
			return 4 if grep { static_overlaps($s, $_) } @{$r->{maps}};
		}
	}
	return 0;
}

# Who has packets to there: records, static rules, services of the host.
sub owners {
	my ($m, $proto, $address, $port) = @_;
	my @owners = grep { grep { covers($_, $proto, $address, $port) } @{$_->{maps}} } $m->records;
	push @owners, grep { static_overlaps($_, mapping($address, $port, 1, 1, $proto)) } @{$m->{applied}}, @{$m->{config}{static}};
	push @owners, 1 if $proto eq 'tcp' && $m->{listeners}{$port};
	return @owners;
}

1;
