# The steps of a sequence: each chooses what to do, does it, and tells the model. What comes of it is compared by Look.
package Steps;
use strict;
use warnings;

use Model;
use World;

my @IDS = qw(c1 c2 c11 c1.x web db-1 a_b+c);
my @HOSTS = ('', '', '', '', '0.0.0.0', '::', '192.0.2.1', '192.0.2.3', '127.0.0.2', 'fd00:99::1');
my @ALLOW = ('192.0.2.0/29,fd00:99::/64', '198.51.100.0/24');

# How often each step comes.
my %WEIGHT = (
	publish => 30, withdraw => 14, add => 10, remove => 8, die => 6, reload => 8, gc => 4, gc_id => 2, flush => 2, check => 4,
	list_one => 1, plan => 3, metrics => 1, doctor => 1, static => 4, policy => 3, layout => 2, backend => 4, foreign => 5,
	unforeign => 2, foreign_flush => 3, forward_policy => 1, listener => 2, reboot => 1, lose_state => 1,
);
my @STEPS = map { ($_) x $WEIGHT{$_} } sort keys %WEIGHT;

sub new {
	my ($class, $m, $w) = @_;
	return bless {m => $m, w => $w, current => {}, boxes => {}, next_foreign => 1}, $class;
}

# Random numbers: each step has its own seed, so that steps can be left out of a sequence that is replayed.
sub rnd { int rand $_[0] }
sub one_of { $_[rnd(scalar @_)] }
sub chance { rand() < $_[0] }
sub random_id { one_of(@IDS) }

# step(): what it does, as text. After damage a reload is likely.
sub step {
	my ($s) = @_;
	my $m = $s->{m};
	my $mends = chance(0.35);
	my $name = one_of(@STEPS);
	$name = $m->{stale} ? 'reload_force' : 'reload' if $mends && ($m->{lost} || $m->{hurt} || $m->{stale} || $m->{blocked});
	my $do = $s->can("do_$name");
	return "$name: " . $s->$do;
}

sub expect {
	my ($what, $got, @right) = @_;
	die "$what: exit status $got, expected ", join(' or ', @right), "\n" unless grep { $_ == $got } @right;
}

# Mappings

sub random_mapping {
	my $kind = rnd(20);
	my $host = one_of(@HOSTS);
	my $proto = $kind == 19 ? 'sctp' : chance(0.35) ? 'udp' : 'tcp';
	my $port = chance(0.1) ? 7000 + rnd(8) : 8000 + rnd(32);
	return Model::mapping($host, 0, 1, 80, $proto, [8000 + rnd(8), 8008 + rnd(8)]) if $kind == 0;
	return Model::mapping($host, 0, 1, 81, $proto, [61000, 65535]) if $kind == 1;
	if ($kind < 5 && $port >= 8000) {
		my $n = 2 + rnd(15);
		$n = 8032 - $port if $port + $n > 8032;
		return Model::mapping($host, $port, $n, chance(0.5) ? $port : 9000, $proto) if $n > 1 && $n <= 16;
	}
	return Model::mapping($host, $port, 1, one_of(53, 80, 81, 82, 9000 + rnd(16)), $proto);
}

sub random_mappings { my ($max) = @_; map { random_mapping() } 1 .. 1 + rnd($max) }

sub specs { join ',', map { Model::spec($_) } @_ }

# Processes

# start(ID, IS_BOX): a process of the container, on one of the nodes, or in an empty namespace with a server
sub start {
	my ($s, $id, $is_box) = @_;
	my $node = one_of(@World::NODES);
	my $pid = $s->{w}->start($is_box ? undef : $node);
	my $p = {id => $id, pid => $pid, node => $is_box ? "box-$pid" : $node, net => $is_box, server => $is_box ? $id : $node,
		bundle => '/bundle/' . $id . (chance(0.2) ? '-2' : '')};
	$s->{boxes}{$pid} = $s->{w}->serve($id, "/proc/$pid/ns/net") if $is_box;
	return $p;
}

sub end_process {
	my ($s, $pid, $is_zombie) = @_;
	my $server = delete $s->{boxes}{$pid};
	$s->{w}->end($server) if $server;
	$s->{w}->end($pid, $is_zombie);
	$s->{m}{dead}{$pid} = 1;
}

# The process of the container that the next hook is for: the one that it has, or another one.
sub process_for {
	my ($s, $id) = @_;
	my ($other, $is_box) = (chance(0.25), chance(0.2));
	my $p = $s->{current}{$id};
	return $p if $p && !$s->{m}{dead}{$p->{pid}} && !$other;
	return $s->start($id, $is_box);
}

# What a process is for that lost: no hook will come for it.
sub keep_process {
	my ($s, $p, $is_published) = @_;
	my $old = $s->{current}{$p->{id}};
	return if $old && $old->{pid} == $p->{pid};
	my $loser = $is_published || !$old ? $old : $p;
	$s->end_process($loser->{pid}) if $loser && !$s->{m}{dead}{$loser->{pid}};
	$s->{current}{$p->{id}} = $p if $is_published || !$old;
}

# Publishing

sub options { my ($s) = @_; map { $_ => $s->{m}{config}{$_} } qw(localhost hairpin) }

# What has no port of a bridge on record gets none without a hook or add.
sub options_of { my ($s, $r) = @_; ($s->options, hairpin => $s->{m}{config}{hairpin} && $r->{hairpin}) }

# What has been chosen, from the list; each must be one of those that the model allows.
sub learn_ports {
	my ($s, $new) = @_;
	my @open = grep { !$_->{port} } @{$new->{maps}} or return;
	my ($rc, $out) = $s->{w}->natmap('', 'list', '--json', $new->{id});
	my ($c) = @{$s->{w}{json}->decode($out)->{containers}};
	for my $i (0 .. $#{$new->{maps}}) {
		my $map = $new->{maps}[$i];
		next if $map->{port};
		my ($port) = ($c->{mappings}[$i]{ports} // '') =~ /(\d+):\d+\/\w+$/;
		die "chosen port of ", Model::spec($map), ": ", $port // 'none', ", expected one of ",
			join(' ', grep { defined } (sort { $a <=> $b } keys %{$map->{choices}})[0 .. 9]), "...\n" unless $port && $map->{choices}{$port};
		$map->{port} = $port;
		delete @$map{qw(pool choices)};
	}
}

sub is_unlisted {
	my ($s, $id) = @_;
	my ($rc, $out) = $s->{w}->natmap('', 'list', $id);
	return $out eq '';
}

# settle(NEW, IS, ID that goes...): natmap has published it
sub settle {
	my ($s, $new, $is, @go) = @_;
	my $m = $s->{m};
	$s->learn_ports($new);
	delete @{$m->{records}}{@go, grep { $s->is_unlisted($_) } @{delete $new->{may_go}}};
	$m->{records}{$new->{id}} = {%$new, $s->options, is => $is};
}

sub copies { map { {%$_} } @_ }

# A hook that runs again asks for the same, now and then.
sub wanted {
	my ($s, $p) = @_;
	my @maps = random_mappings(3);
	my ($again, $none) = (chance(0.3), chance(0.3));
	my $known = $s->{m}{records}{$p->{id}};
	@maps = copies(@{$known->{maps}}) if $again && $known && $known->{pid} == $p->{pid};
	@maps = () if $none && $p->{net};
	return @maps;
}

# predict(NEW): (exit status, ids that go); NEW->{maps} becomes what natmap makes of the specs
sub predict {
	my ($s, $new) = @_;
	my $m = $s->{m};
	return 5 if $new->{net} && !$m->{config}{network};
	my $parsed = Model::parsed(@{$new->{maps}}) or return 5;
	$new->{maps} = $parsed;
	return 5 if $m->refused(@$parsed);
	return $m->judge($new);
}

sub do_publish {
	my ($s) = @_;
	my $p = $s->process_for(one_of(@IDS));
	my @maps = $s->wanted($p);
	my $allow = one_of(@ALLOW);
	$allow = undef if chance(0.8);
	my $stage = one_of(qw(createRuntime createRuntime prestart poststart));
	my $new = {%$p, maps => [@maps], allow => $allow};
	my ($rc, @go) = $s->predict($new);
	my $input = $s->{w}->hook_input(@$p{qw(id pid)}, $stage eq 'poststart' ? 'running' : 'creating', $p->{bundle},
		@maps ? ('io.natmap.ports' => specs(@maps)) : (), $allow ? ('io.natmap.allow' => $allow) : (),
		$p->{net} ? ('io.natmap.network' => 'bridge') : ());
	my ($got, undef, $err) = $s->{w}->natmap($input, 'hook', $stage);
	expect("hook $stage of $p->{id} ($err)", $got, $rc);
	$s->settle($new, 'there', @go) if $rc == 0;
	$s->keep_process($p, $rc == 0);
	return "$stage $p->{id} $p->{pid} on $p->{node} " . specs(@maps) . ($allow ? " allow=$allow" : '') . " -> $rc";
}

sub do_withdraw {
	my ($s) = @_;
	my ($id, $ends, $other) = (one_of(@IDS), chance(0.7), chance(0.1));
	my $r = $s->{m}{records}{$id};
	my $bundle = $other ? '/bundle/other' : $r ? $r->{bundle} : '/bundle/none';
	$s->end_process($r->{pid}) if $r && !$s->{m}->gone($r) && $ends && !$other;
	my ($got) = $s->{w}->natmap($s->{w}->hook_input($id, 0, 'stopped', $bundle), 'hook', 'poststop');
	expect("hook poststop of $id", $got, 0);
	delete $s->{m}{records}{$id} unless $other && $r && $r->{bundle};
	return "poststop $id $bundle";
}

# add and remove

sub do_add {
	my ($s) = @_;
	my ($id, $by_pid, @maps) = (one_of(@IDS), chance(0.4), random_mappings(2));
	my $m = $s->{m};
	my ($r, $p) = ($m->{records}{$id}, $s->{current}{$id});
	$p = undef if $p && ($m->{dead}{$p->{pid}} || ($p->{net} && !($r && $r->{pid} == $p->{pid})));
	my @pid = $by_pid && $p ? ('--pid', $p->{pid}) : ();
	my ($rc, $new, @go) = $s->predict_add($r, @pid ? $p : undef, $id, @maps);
	my ($got, undef, $err) = $s->{w}->natmap('', 'add', @pid, $id, specs(@maps));
	expect("add @pid $id ($err)", $got, $rc);
	$s->settle($new, $r && $r->{pid} == $new->{pid} ? $r->{is} : 'there', @go) if $rc == 0;
	return "@pid $id " . specs(@maps) . " -> $rc";
}

# predict_add(RECORD or undef, PROCESS or undef, ID, MAPPING...): (exit status, the record that comes, ids that go)
sub predict_add {
	my ($s, $r, $p, $id, @maps) = @_;
	my $m = $s->{m};
	return 1 if !$p && !$r;
	my $parsed = Model::parsed(@maps);
	return 5 if !$parsed || $m->refused(@$parsed);
	return 1 if !$p && $m->gone($r);
	my $is_same = $r && (!$p || $p->{pid} == $r->{pid});
	my $new = $is_same ? {%$r, maps => [copies(@{$r->{maps}})]} : {%$p, bundle => '', maps => []};
	for my $map (@$parsed) {
		next if grep { Model::equal($_, $map) } @{$new->{maps}};
		return 4 if Model::overlaps_any($map, @{$new->{maps}});
		push @{$new->{maps}}, $map;
	}
	return 5 if $m->refused(@{$new->{maps}});
	my ($rc, @go) = $m->judge($new);
	return ($rc, $new, @go);
}

sub do_remove {
	my ($s) = @_;
	my ($id, $all, $which, $other) = (one_of(@IDS), chance(0.3), rnd(1000), chance(0.15));
	my $r = $s->{m}{records}{$id};
	my @specs = map { Model::text($_) } $other ? random_mapping() : $r && @{$r->{maps}} ? $r->{maps}[$which % @{$r->{maps}}] : ();
	@specs = () if $all || "@specs" =~ /:0:|^0:/;
	my @left = grep { my $t = Model::text($_); @specs && !grep { $_ eq $t } @specs } $r ? @{$r->{maps}} : ();
	my $rc = !$r || (@specs && @left == @{$r->{maps}}) || (!@specs && $r->{net} && !@{$r->{maps}}) ? 1 : 0;
	my ($got, undef, $err) = $s->{w}->natmap('', 'remove', $id, @specs);
	expect("remove $id @specs ($err)", $got, $rc);
	$s->removed($r, @left) if $rc == 0;
	return "$id @specs -> $rc";
}

# What is left is published anew, so that dead containers of that address go.
sub removed {
	my ($s, $r, @left) = @_;
	my $m = $s->{m};
	return delete $m->{records}{$r->{id}} unless @left || $r->{net};
	my $new = {%$r, maps => [@left]};
	my ($rc, @go) = $m->judge($new);
	$s->settle($new, $r->{is}, @go);
	%{$m->{records}{$r->{id}}} = (%{$m->{records}{$r->{id}}}, $s->options_of($r));
}

# Ends, and what cleans up after them

sub do_die {
	my ($s) = @_;
	my ($which, $is_zombie) = (rnd(1000), chance(0.3));
	my @live = $s->{m}->live or return 'nobody';
	my $r = $live[$which % @live];
	$s->end_process($r->{pid}, $is_zombie);
	return "$r->{id} $r->{pid}" . ($is_zombie ? ' as a zombie' : '');
}

sub do_gc {
	my ($s) = @_;
	my @gone = map { $_->{id} } grep { $s->{m}->gone($_) } $s->{m}->records;
	my ($got, $out) = $s->{w}->natmap('', 'gc');
	expect('gc', $got, 0);
	Look::same('what gc prints', \@gone, [split /\n/, $out]);
	delete @{$s->{m}{records}}{@gone};
	return "@gone";
}

sub do_gc_id {
	my ($s) = @_;
	my $id = one_of(@IDS);
	my $r = $s->{m}{records}{$id};
	my $rc = $r && $s->{m}->gone($r) ? 0 : 1;
	my ($got) = $s->{w}->natmap('', 'gc', '--id', $id);
	expect("gc --id $id", $got, $rc);
	delete $s->{m}{records}{$id} if $rc == 0;
	return "$id -> $rc";
}

sub do_reload { $_[0]->reload }
sub do_reload_force { $_[0]->reload('--force') }

sub reload {
	my ($s, @force) = @_;
	my $m = $s->{m};
	my $rc = $m->reload_result(scalar @force);
	my ($got, undef, $err) = $s->{w}->natmap('', 'reload', @force);
	expect("reload @force ($err)", $got, $rc);
	return "@force -> $rc" if $rc;
	delete @{$m->{records}}{map { $_->{id} } grep { $m->gone($_) } $m->records};
	$_->{is} = 'there' for $m->records;
	%$_ = (%$_, $s->options_of($_)) for $m->records;
	@$m{qw(applied applied_is)} = ([@{$m->{config}{static}}], 'there');
	my $had_orphans = $m->{links_hurt};
	@$m{qw(lost hurt stale config_changed blocked links_hurt)} = (0) x 6;
	my ($difference, $out) = $s->{w}->natmap('', 'check');
	my $verdict = $m->verdict;
	# what the orphaned bridge of a lost state has left goes with the next one
	return "@force -> 0, again: " . $s->reload if $difference && $had_orphans;
	expect("check after a reload: $out", $difference, $verdict) if defined $verdict;
	return "@force -> 0, check $difference";
}

sub do_flush {
	my ($s) = @_;
	my @force = chance(0.5) ? '--force' : ();
	my $m = $s->{m};
	my $rc = !@force && ($m->live || ($m->{stale} && !%{$m->{records}})) ? 1 : 0;
	my ($got, undef, $err) = $s->{w}->natmap('', 'flush', @force);
	expect("flush @force ($err)", $got, $rc);
	$s->nothing_published if $rc == 0;
	return "@force -> $rc";
}

# No record counts any more, nor is a rule of natmap's there.
sub nothing_published {
	my ($s) = @_;
	my $m = $s->{m};
	@$m{qw(lost hurt stale links_hurt applied applied_is)} = (1, 0, 0, 0, [], 'there');
	$m->{config_changed} = 1 if @{$m->{config}{static}};
	$m->{records} = {};
}

1;
