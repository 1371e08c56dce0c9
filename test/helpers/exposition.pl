# Reads Prometheus' text exposition format, as its documentation has it, and the conventions for names, and prints what is
# wrong with it, a line each: https://prometheus.io/docs/instrumenting/exposition_formats/
use strict;
use warnings;

my ($family, $type, %help, %type, %seen, %sample, $last);
my $name = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $label = qr/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/;

sub fault { print "line $.: @_\n" }

while (<STDIN>) {
	$last = $_;
	fault("no end of line") unless s/\n\z//;
	if (/^# HELP ($name) (\S.*)$/) {
		($family, my $text) = ($1, $2);
		fault("$family has two helps, or is not in one piece") if $help{$family}++;
		$type = undef;
		fault("help with an escape that there is not") if $text =~ /\\[^\\n]/;
		fault("$family does not begin with natmap_") if $family !~ /^natmap_[a-z0-9_]+$/;
	} elsif (/^# TYPE ($name) (counter|gauge)$/) {
		my $metric = $1;
		$type = $2;
		fault("type of $metric behind the help of another") if !defined $family || $family ne $metric;
		fault("$metric has two types, or samples before its type") if $type{$metric}++ || $sample{$metric};
		fault("$metric: a counter ends in _total, a gauge does not") if ($type eq 'counter') != ($metric =~ /_total$/);
		fault("$metric: no base unit") if $metric =~ /_(ms|us|milliseconds|minutes|kb|kilobytes|percent)(_|$)/;
	} elsif (/^($name)(\{(.*)\})? (\S+)$/) {
		my ($metric, $labels, $value, %labels) = ($1, $3 // '', $4);
		fault("a sample of $metric behind the type of another") if !defined $type || $metric ne $family;
		$sample{$metric}++;
		fault("labels '$labels'") if $2 && $labels !~ /^$label(,$label)*$/;
		while ($labels =~ /$label/g) {
			fault("label $1 twice") if exists $labels{$1};
			fault("label $1 is reserved") if $1 =~ /^__|^(job|instance|le|quantile)$/;
			$labels{$1} = $2;
		}
		my $key = join ',', $metric, map { "$_=$labels{$_}" } sort keys %labels;
		fault("$key twice") if $seen{$key}++;
		fault("value '$value'") if $value !~ /^[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?$/;
	} else {
		fault("neither help, type nor sample: $_");
	}
}
print "nothing at all\n" unless defined $last;
