# The end of a sequence: all is withdrawn, and the host is as it was.
package Steps;
use strict;
use warnings;

use Look;

sub withdraw_all {
	my ($s) = @_;
	my $m = $s->{m};
	for my $r ($m->records) {
		$s->end_process($r->{pid}) unless $m->gone($r);
		my ($got) = $s->{w}->natmap($s->{w}->hook_input($r->{id}, 0, 'stopped', $r->{bundle} || '/bundle/none'), 'hook', 'poststop');
		expect("hook poststop of $r->{id}", $got, 0);
		delete $m->{records}{$r->{id}};
	}
	$m->{config}{static} = [];
	$s->write_config;
	$s->reload('--force');
}

sub same_settings {
	my ($s) = @_;
	my $w = $s->{w};
	# who had switched them on is not known without the state, or without the rules that tell it
	my $unknown = $s->{m}{traces_lost} ? qr/route_localnet|forwarding/ : $s->{m}{state_was_lost} ? qr/route_localnet/ : qr/^$/;
	my ($before, $after) = map { [grep { !/$unknown/ } split /\n/] } $w->{settings}, $w->settings;
	Look::same('settings', $before, $after);
	Look::same('bridge ports in hairpin mode', [], [$w->hairpins]) unless $s->{m}{state_was_lost};
}

# Nothing of natmap's, and the rules of others.
sub same_rules {
	my ($s) = @_;
	my ($m, $w) = @$s{qw(m w)};
	Look::same('comments after the end', [map { "natmap:foreign:$_" } sort keys %{$m->{foreign}}], [$w->tags]);
	my $rules = join '', $w->must('iptables-save'), $w->must('ip6tables-save'), $w->must(qw(nft list tables));
	Look::same('chains and tables after the end', [], [grep { /NATMAP|\bnatmap$/ } split /\n/, $rules]);
}

sub finish {
	my ($s) = @_;
	my ($m, $w) = @$s{qw(m w)};
	$s->withdraw_all;
	Look::all($m, $w, \&rnd);
	my ($got, $out) = $w->natmap('', 'check');
	expect("check after the last withdrawal: $out", $got, 0);
	($got) = $w->natmap('', 'flush');
	expect('flush', $got, 0);
	$s->same_rules;
	$s->unforeign($_) for sort keys %{$m->{foreign}};
	$s->same_rules;
	World::wait_for('interfaces go', sub { "@{$w->{links}}" eq join ' ', $w->links });
	$s->same_settings;
}

1;
