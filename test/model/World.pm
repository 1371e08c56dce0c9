# The machine of one sequence: network namespaces that run.sh has made, in whose host this process runs; the processes of
# containers; natmap. Knows nothing of what is right.
package World;
use strict;
use warnings;
use FindBin;
use JSON::PP ();
use POSIX ();
use Time::HiRes ();

# What the servers of all containers answer on.
our @PORTS = qw(53 80-83 7000-7007 8000-8031 9000-9015);
# Addresses of the host, and of its bridge's containers: LAST is the last part of theirs.
our %LAST = (ctr => 2, ctr2 => 3, ctr3 => 4, ctr4 => 5);
our @NODES = sort keys %LAST;

sub new {
	my ($class) = @_;
	my %env = map { $_ => $ENV{$_} // die "$_ is not set" } qw(NM_NS NM_TMP NM_PROGRAMS NATMAP);
	return bless {ns => $env{NM_NS}, tmp => $env{NM_TMP}, programs => $env{NM_PROGRAMS}, natmap => $env{NATMAP},
		children => {}, sport => 20000, json => JSON::PP->new}, $class;
}

sub spew {
	my ($path, $text) = @_;
	open my $f, '>', $path or die "$path: $!";
	print $f $text;
	close $f or die "$path: $!";
}

sub slurp {
	my ($path) = @_;
	open my $f, '<', $path or return undef;
	local $/;
	return <$f> // '';
}

# Waits for what takes its time on a machine that is slow or busy.
sub wait_for {
	my ($what, $is_so) = @_;
	my $end = Time::HiRes::time() + 60;
	until ($is_so->()) {
		die "waited in vain: $what\n" if Time::HiRes::time() > $end;
		Time::HiRes::sleep(0.002);
	}
}

# run(STDIN, COMMAND...): (exit status, stdout, stderr)
sub run {
	my ($w, $stdin, @command) = @_;
	my ($in, $out, $err) = map { "$w->{tmp}/run.$_" } qw(in out err);
	spew($in, $stdin // '');
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open(STDIN, '<', $in) && open(STDOUT, '>', $out) && open(STDERR, '>', $err) && exec(@command);
		POSIX::_exit(127);
	}
	local $SIG{ALRM} = sub { kill 'KILL', $pid; die "@command: still running after 120 s\n" };
	alarm 120;
	waitpid $pid, 0;
	my $status = $?;
	alarm 0;
	return ($status & 127 ? 128 + ($status & 127) : $status >> 8, slurp($out), slurp($err));
}

sub must {
	my ($w, @command) = @_;
	my ($rc, $out, $err) = $w->run('', @command);
	die "@command: exit status $rc: $err" if $rc;
	return $out;
}

# natmap(STDIN, ARGUMENT...): the same, with what every invocation owes on stderr
sub natmap {
	my ($w, $stdin, @arguments) = @_;
	my ($rc, $out, $err) = $w->run($stdin, $w->{natmap}, '--config', "$w->{tmp}/natmap.json", '--state-dir',
		"$w->{tmp}/state", @arguments);
	my $is_right = $rc == 0 ? $err eq '' : $rc == 3 ? 1 : $err =~ /\Anatmap: [^\n]+\n\z/;
	die "natmap @arguments: exit status $rc, stdin: $stdin, stderr: $err\n" unless $is_right && $rc <= 5;
	return ($rc, $out, $err);
}

sub write_config {
	my ($w, $config) = @_;
	spew("$w->{tmp}/natmap.new", $w->{json}->canonical->encode($config) . "\n");
	rename "$w->{tmp}/natmap.new", "$w->{tmp}/natmap.json" or die "natmap.json: $!";
}

sub hook_input {
	my ($w, $id, $pid, $status, $bundle, %annotations) = @_;
	return $w->{json}->canonical->encode({ociVersion => '1.0.2', id => $id, status => $status, bundle => $bundle,
		$pid ? (pid => $pid + 0) : (), annotations => \%annotations});
}

sub node_path { "/run/netns/$_[0]{ns}-$_[1]" }

sub is_in {
	my ($pid, $file) = @_;
	my ($process, $namespace) = ((stat "/proc/$pid/ns/net")[1], (stat $file)[1]);
	return defined $process && $process == $namespace;
}

sub spawn {
	my ($w, @command) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', '/dev/null';
		exec(@command) or POSIX::_exit(127);
	}
	$w->{children}{$pid} = 1;
	return $pid;
}

# serve(NAME, NAMESPACE): a server there; its id
sub serve {
	my ($w, $name, $file) = @_;
	pipe my $ready, my $out or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDOUT, '>&', $out;
		exec("$w->{programs}/enter", $file, $^X, "$FindBin::Bin/server.pl", $name, @PORTS) or POSIX::_exit(127);
	}
	close $out;
	$w->{children}{$pid} = 1;
	die "no server on $name\n" if (<$ready> // '') ne "ready\n";
	return $pid;
}

# The process of a container on a node, or, without one, in a network namespace of its own.
sub start {
	my ($w, $node) = @_;
	if ($node) {
		my $pid = $w->spawn("$w->{programs}/enter", $w->node_path($node), 'sleep', '100000');
		wait_for("process on $node", sub { is_in($pid, $w->node_path($node)) });
		return $pid;
	}
	my $pid = $w->spawn('unshare', '-n', 'sleep', '100000');
	wait_for('process in a namespace', sub { (readlink("/proc/$pid/exe") // '') !~ /unshare|perl/ });
	return $pid;
}

# end(PID, IS_ZOMBIE): its parent may have no time for it
sub end {
	my ($w, $pid, $is_zombie) = @_;
	kill 'KILL', $pid;
	wait_for("end of $pid", sub { (slurp("/proc/$pid/stat") // ') Z') =~ /\) [ZX]/ });
	waitpid $pid, 0 unless $is_zombie;
}

sub end_all {
	my ($w) = @_;
	kill 'KILL', $_ for keys %{$w->{children}};
	waitpid $_, 0 for keys %{$w->{children}};
}

# ask(SECONDS, NODE or undef: host, PROTO, ADDRESS, PORT, FROM): what a server answers, "" if none does. Each question is from
# another port, so that none is taken for one of a connection before.
sub ask {
	my ($w, $seconds, $node, $proto, $address, $port, $from) = @_;
	$w->{sport} = $w->{sport} < 60000 ? $w->{sport} + 1 : 20000;
	my @where = $node ? ("$w->{programs}/enter", $w->node_path($node)) : ();
	my ($rc, $out) = $w->run('', @where, "$w->{programs}/ask", $seconds, $proto, $address, $port, $from // '',
		$w->{sport});
	chomp $out;
	return $rc ? '' : $out;
}

# The comments that begin with "natmap:", of rules and elements, those of look-alikes among them.
sub tags {
	my ($w) = @_;
	return split /\n/, $w->must("$w->{programs}/tags");
}

# The host's interfaces.
sub links {
	return sort grep { defined } map { /^\s*(\S+):/ ? $1 : undef } split /\n/, slurp('/proc/self/net/dev');
}

# What natmap may set: as text, a setting a line.
sub settings {
	my @files = grep { !/natmap|nm[0-9a-f-]/ } glob '/proc/sys/net/ipv4/conf/*/{route_localnet,forwarding}
		/proc/sys/net/ipv6/conf/*/{forwarding,force_forwarding,accept_ra} /proc/sys/net/ipv4/ip_forward';
	return join '', map { "$_ = " . (slurp($_) // "gone\n") } sort @files;
}

# The bridge's ports in hairpin mode.
sub hairpins {
	my ($w) = @_;
	my $name;
	return map { $name = $1 if /^\d+: ([^:@]+)/; /hairpin on/ ? $name : () } split /\n/, $w->must('bridge', '-d', 'link');
}

sub keep {
	my ($w) = @_;
	$w->{settings} = $w->settings;
	$w->{links} = [$w->links];
}

# As a new start of the host has them.
sub restore_settings {
	my ($w) = @_;
	$w->{settings} =~ m{ip_forward = (\d)} && spew('/proc/sys/net/ipv4/ip_forward', $1);
	while ($w->{settings} =~ /^(\S+) = (\d+)$/mg) {
		spew($1, $2) if -e $1;
	}
	$w->must('bridge', 'link', 'set', 'dev', $_, 'hairpin', 'off') for $w->hairpins;
}

1;
