# soak.pl SECONDS BACKEND HOOKS [WRITES]: so many hooks at once, each for one of as many containers, on ports of their own or on
# ports that many want, beside natmap's other commands and other tools that change rules all the time, or each so many times.
# In the host of a network that run.sh, or a bats file, has made.
#
# What must hold: a port has one owner, and only one that somebody has got is refused; each command ends as it must, or with the
# line that says that others have changed the ruleset too often, and then has done nothing; no hook waits for the lock in vain; in
# the end the records are those of the containers that run, the rules those of the records, and the rules of others as they have
# left them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../model";
use POSIX ();
use Time::HiRes qw(time);

use World;

my ($seconds, $backend, $hooks, $writes) = @ARGV;
my $w = World->new;
my $dir = "$w->{tmp}/soak";
my $CONTENDED = 8;    # ports that half of the containers want
my $crowded = qr{others changed the ruleset 16 times meanwhile};
# Commands that do not read lock_timeout_ms; the hooks must get the lock.
my $late = qr/held by another process for more than 5000 ms/;
my %may_be_late = map { $_ => 1 } qw(list metrics add remove);
my @KINDS = qw(iptables ip6tables restore nft);
my (%running, %owner, %won, %refused, %count, @slots, %writers);
my $longest = 0;

# Containers: {id, port, contended, dies, pid, is: out, in, more}

sub make_slots {
	my %process = map { $_ => $w->start($_) } qw(ctr ctr2);
	for my $i (0 .. $hooks - 1) {
		my $contended = $i % 2;
		my $node = $i % 3 ? 'ctr' : 'ctr2';
		push @slots, {id => "c$i", to => 1000 + $i, contended => $contended, node => $node, pid => $process{$node}, is => 'out',
			port => $contended ? 7000 + $i / 2 % $CONTENDED : 10000 + $i, dies => $i % 20 == 5, bundle => "/bundle/$i"};
	}
}

sub port_of { my ($s) = @_; "$s->{port}:$s->{to}" . ($s->{port} % 2 ? '/udp' : '') }

# Commands: what a container does next, as [ARGUMENT...], with its input

sub hook {
	my ($s, $stage, $status) = @_;
	return [['hook', $stage], $w->hook_input($s->{id}, $stage eq 'poststop' ? 0 : $s->{pid}, $status, $s->{bundle},
		'io.natmap.ports' => port_of($s))];
}

# A port counts as given back when its container's end begins.
sub give_back {
	my ($s) = @_;
	delete $owner{$s->{port}} if ($owner{$s->{port}} // '') eq $s->{id};
}

sub next_command {
	my ($s) = @_;
	if ($s->{is} eq 'out') {
		$s->{pid} = $w->start($s->{node}) if $s->{dies};
		return hook($s, 'createRuntime', 'creating');
	}
	return [['add', $s->{id}, 20000 + $s->{to} . ':80']] if $s->{is} eq 'in' && !$s->{contended} && !$s->{dies};
	return [['remove', $s->{id}, 20000 + $s->{to} . ':80']] if $s->{is} eq 'more' && rand() < 0.5;
	give_back($s);
	return hook($s, 'poststop', 'stopped') unless $s->{dies};
	$w->end($s->{pid});
	$s->{is} = 'out';
	return next_command($s);
}

sub start {
	my ($s, $command) = @_;
	my ($arguments, $input) = @$command;
	my ($in, $out, $err) = map { "$dir/$s->{id}.$_" } qw(in out err);
	World::spew($in, $input // '');
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open(STDIN, '<', $in) && open(STDOUT, '>', $out) && open(STDERR, '>', $err) &&
			exec($w->{natmap}, '--config', "$w->{tmp}/natmap.json", '--state-dir', "$w->{tmp}/state", @$arguments);
		POSIX::_exit(127);
	}
	$running{$pid} = {slot => $s, command => $arguments, begin => time};
}

# Ends

sub ended_hook {
	my ($s, $rc, $stage, $err) = @_;
	if ($stage eq 'poststop') {
		return $rc == 0 ? ($s->{is} = 'out') : 0;
	}
	if ($rc == 4) {
		die "$s->{id}: $err" unless $s->{contended} && $err =~ /the host port is taken by container/;
		$refused{$s->{port}} = 1;
		$w->end($s->{pid}) if $s->{dies};
		return 1;
	}
	return 0 if $rc;
	die "port $s->{port} is $s->{id}'s and $owner{$s->{port}}'s\n" if $owner{$s->{port}};
	$owner{$s->{port}} = $s->{id};
	$won{$s->{port}} = 1;
	$s->{is} = 'in';
}

# Whether the command ended as it must.
sub is_right {
	my ($s, $rc, $err, $name, $first) = @_;
	return ended_hook($s, $rc, $first, $err) if $name eq 'hook';
	return $rc == 0 || $rc == 3 if $name eq 'check';
	return 0 if $rc;
	$s->{is} = {add => 'more', remove => 'in'}->{$name} // $s->{is};
	return 1;
}

sub ended {
	my ($pid, $status) = @_;
	my $job = delete $running{$pid};
	my ($s, $name) = ($job->{slot}, $job->{command}[0]);
	my $err = World::slurp("$dir/$s->{id}.err");
	my $took = time - $job->{begin};
	$longest = $took if $took > $longest;
	$count{$name}++;
	return if is_right($s, $status >> 8, $err, @{$job->{command}});
	my $why = $err =~ $crowded ? 'crowded' : $may_be_late{$name} && $err =~ $late ? 'late' : '';
	die "@{$job->{command}} of $s->{id}: exit status ", $status >> 8, ": $err" if $status != 1 << 8 || !$why;
	$count{$why}++;
	$w->end($s->{pid}) if $s->{dies} && $s->{is} eq 'out';
}

# Waits for one of them.
sub reap {
	my $pid = waitpid -1, 0;
	my $status = $?;
	die "no process\n" if $pid <= 0;
	return ended($pid, $status) if $running{$pid};
	ended_writer($pid, $status) if $writers{$pid};
}

sub ended_writer {
	my ($pid, $status) = @_;
	my $kind = delete $writers{$pid};
	die "$kind failed: ", World::slurp("$dir/log.$kind") if $status;
	chomp($count{$kind} = World::slurp("$dir/count.$kind"));
}

# The run

sub start_writers {
	mkdir $dir;
	for my $kind (@KINDS) {
		$writers{$w->spawn("$FindBin::Bin/writer.sh", $dir, $kind, $writes // 1_000_000)} = $kind;
	}
}

sub stop_writers {
	World::spew("$dir/stop", '');
	for my $pid (sort keys %writers) {
		waitpid $pid, 0;
		ended_writer($pid, $?);
	}
}

sub run {
	my @admin = map { {id => $_, admin => [split / /]} } ('reload', 'gc', 'check', 'list --json', 'metrics');
	my $end = time + $seconds;
	start($_, $_->{admin} ? [$_->{admin}] : next_command($_)) for @slots, @admin;
	while (%running) {
		my %before = %running;
		reap();
		next if time > $end;
		for my $s (map { $before{$_}{slot} } grep { !$running{$_} } keys %before) {
			start($s, $s->{admin} ? [$s->{admin}] : next_command($s));
		}
	}
}

sub must {
	my ($what, @arguments) = @_;
	my ($rc, $out, $err) = $w->natmap('', @arguments);
	die "$what: exit status $rc: $out$err\n" if $rc;
	return $out;
}

sub same {
	my ($what, $expected, $actual) = @_;
	die "$what\nexpected: $expected\nactual:   $actual\n" if $expected ne $actual;
}

# The rules of others: the last three of each iptables, and of the other two the last ones.
sub foreign_expected {
	my @lines;
	for my $kind (qw(iptables ip6tables)) {
		my $last = $count{$kind} / 6;
		push @lines, map { my $i = $_; ("soak $kind $i") x 3 } grep { $_ > 0 } $last - 2 .. $last;
	}
	return join "\n", sort @lines, ("soak restore $count{restore}") x 2, "soak nft $count{nft}";
}

sub foreign {
	my $text = join '', $w->must('iptables-save'), $w->must('ip6tables-save'), $w->must(qw(nft list table inet soak));
	return join "\n", sort $text =~ /"(soak [^"]*)"/g;
}

sub sorted { join ' ', sort @_ }

sub compare {
	my @there = grep { $_->{is} ne 'out' } @slots;
	my @lines;
	must('reload', 'reload');
	must('check', 'check');
	my $list = $w->{json}->decode(must('list', 'list', '--json'));
	same('ports that were refused, and that nobody has got', '', sorted(grep { !$won{$_} } keys %refused));
	same('who is listed', sorted(map { $_->{id} } @there), sorted(map { $_->{id} } @{$list->{containers}}));
	push @lines, "natmap:$_->{id}:$_->{port}", $_->{is} eq 'more' ? "natmap:$_->{id}:" . (20000 + $_->{to}) : () for @there;
	same('comments in the kernel', sorted(@lines), sorted(grep { !/^natmap:@/ } $w->tags));
	same('rules of others', foreign_expected(), foreign());
	same('waits for the lock in vain', "natmap_lock_timeouts_total " . ($count{late} // 0),
		must('metrics', 'metrics') =~ /^(natmap_lock_timeouts_total .*)$/m);
}

# All hooks at once, once more, and nothing is left.
sub withdraw {
	start($_, hook($_, 'poststop', 'stopped')) for @slots;
	reap() while %running;
	must('check', 'check');
	same('what is left of containers', '', join ' ', grep { !/^natmap:@/ } $w->tags);
	must('flush', 'flush');
	same('what is left', '', join ' ', $w->tags);
	same('rules of others after a flush', foreign_expected(), foreign());
}

my $is_done = eval {
	$w->write_config({backend => $backend, lock_timeout_ms => 600000});
	make_slots();
	start_writers();
	run();
	stop_writers();
	compare();
	withdraw();
	1;
};
my $why = $@;
World::spew("$dir/stop", '');
$w->end_all;
die $why unless $is_done;
printf "%s: %d hooks at once for %d s: %s; the longest took %.1f s\n", $backend, $hooks, $seconds,
	join(', ', map { "$count{$_} $_" } sort keys %count), $longest;
