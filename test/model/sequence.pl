# sequence.pl SEED STEPS BACKEND [STEP-STEP,...]: one sequence of steps, in the host of the network that run.sh has made; those of
# the list are left out. Prints one line, or, when a step fails, its number after "failed ", the history and the difference.
use strict;
use warnings;
use Digest::MD5 qw(md5);
use FindBin;
use lib $FindBin::Bin;

use Disturb;
use Finish;
use Look;
use Model;
use Steps;
use World;

my ($seed, $steps, $backend, $left_out) = @ARGV;
my @history;

sub is_left_out {
	my ($i) = @_;
	return scalar grep { my ($first, $last) = split /-/; $i >= $first && $i <= ($last // $first) } split /,/, $left_out // '';
}

# begin(WORLD): the sequence's steps. Every other host forwards on its own.
sub begin {
	my ($w) = @_;
	srand($seed);
	my $forwards = Steps::rnd(2);
	World::spew('/proc/sys/net/ipv4/ip_forward', $forwards);
	my $m = Model->new(applied_is => 'there', ipv6 => 1, forwards => $forwards, config => {backend => $backend, localhost => 1, hairpin => 1,
		masquerade_all => 0, reserved => [], network => 1, static => []});
	my $s = Steps->new($m, $w);
	$s->write_config;
	$w->serve($_, $w->node_path($_)) for @World::NODES;
	$w->keep;
	return $s;
}

sub run {
	my ($s) = @_;
	for my $i (1 .. $steps) {
		srand(unpack "L", md5("$seed $i"));
		next if is_left_out($i);
		push @history, "$i. ";
		$history[-1] .= $s->step;
		Look::all($s->{m}, $s->{w}, \&Steps::rnd);
	}
	push @history, 'end';
	$s->finish;
}

my $w = World->new;
my $is_done = eval { run(begin($w)); 1 };
my $why = $@;
system($ENV{MODEL_DEBUG}) if !$is_done && $ENV{MODEL_DEBUG};
$w->end_all;
if (!$is_done) {
	my ($failed) = $history[-1] =~ /^(\d+)/ ? $1 : $steps + 1;
	print "failed $failed\n", join("\n", @history), "\n\n$why";
	exit 1;
}
my $asked = $w->{asked};
my ($answers, $refusals) = map { my $n = 0; $n += $asked->{$_} // 0 for @$_; $n } [qw(yes static)], [qw(no nobody)];
print "seed $seed from $backend: $steps steps, $answers ports answered, $refusals did not and must not\n";
