#!/usr/bin/perl
# run.pl BUILD FOLDER... -- COMPILER...: changes the C files of these folders of common/ (base), or these modules (base/text), in
# one place at a time, and runs the unit tests against each such mutant: one that they do not notice has survived. BUILD has the
# objects of natmap and of the unit tests, compiled with -fPIC, without optimization.
#
# Each survivor must be explained in the file survivors, whose lines are FILE, CHANGE, LINE and REASON, tabs between. "*" stands
# for any change of the line. Fails when one is not, or when a line there explains nothing (unless it is a sample that is run).
#
#   MUTANTS_SAMPLE=N SEED=TEXT  N of the mutants only; which ones depends on TEXT and on their own lines, so that a change
#                               elsewhere does not choose others
#   MUTANTS_LIST=1              lists the mutants, and runs none
#
# How: a mutant is a shared library, which stands before that of all objects. The dynamic loader tells which functions a
# unit program calls; those of the same folder that call the changed one are run. As root, they run as nobody.
# A survivor whose optimized code is that of the original is counted as equal, since no test could notice it.
use strict;
use warnings;
use Cwd qw(getcwd);
use Digest::MD5 qw(md5_hex);
use Errno;
use File::Basename qw(basename dirname);
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Mutator;
use POSIX qw(_exit ceil setgid setuid);
use Time::HiRes qw(time);

use constant {NOBODY => 65534, MEMORY_KIB => 1 << 20, PATIENCE => 60};

my $tree = dirname(dirname($FindBin::Bin));
own_tmp() if $> == 0 && !$ENV{NM_OWN_TMP} && join(' ', $tree, @ARGV) !~ m{(^| )/tmp/};
my ($build, $wanted, @compiler) = arguments(@ARGV);
my $work = tempdir(DIR => '/var/tmp', CLEANUP => 1);

# Goes on with a /tmp of its own, for what unit programs that end early leave there.
sub own_tmp {
	$ENV{NM_OWN_TMP} = 1;
	exec 'unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o mode=1777 none /tmp && exec "$@"', 'sh', $^X, "$FindBin::Bin/run.pl", @ARGV;
	die "unshare: $!\n";
}

sub arguments {
	my @words = @_;
	my ($at) = grep { $words[$_] eq '--' } 0 .. $#words;
	die "usage: run.pl BUILD FOLDER... -- COMPILER...\n" unless defined $at && $at > 1;
	return ($words[0], [@words[1 .. $at - 1]], @words[$at + 1 .. $#words]);
}

sub slurp {
	my ($path) = @_;
	open my $in, '<', $path or die "$path: $!\n";
	local $/;
	return <$in> // '';
}

# run(OUT, COMMAND...): the exit status of the command, whose output goes to the file, as nobody when we are root
sub run {
	my ($out, %how) = (shift, %{shift()});
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		setpgrp;
		open STDIN, '<', $how{in} // '/dev/null';
		open STDOUT, '>', $out;
		open STDERR, '>&', \*STDOUT;
		if ($how{nobody} && $> == 0) {
			$) = NOBODY . ' ' . NOBODY;
			setgid(NOBODY), setuid(NOBODY);
		}
		chdir $how{in_folder} if $how{in_folder};
		exec @_ or _exit 127;
	}
	local $SIG{ALRM} = sub { kill KILL => -$pid };
	alarm($how{patience} // 0);
	1 while waitpid($pid, 0) < 0 && $!{EINTR};
	my $status = $?;
	alarm 0;
	return $status;
}

# side_by_side(CODE, THINGS...): runs CODE for each in as many processes as there are processors; what they print is in any order
sub side_by_side {
	my ($code, @things) = @_;
	my $jobs = `nproc` + 0;
	my @pids;
	for my $job (0 .. $jobs - 1) {
		my $pid = fork // die "fork: $!\n";
		push @pids, $pid and next if $pid;
		$| = 1;
		for (my $i = $job; $i < @things; $i += $jobs) {
			$code->($things[$i], $job);
		}
		_exit 0;
	}
	for (@pids) {
		waitpid $_, 0;
		die "a process of its own failed\n" if $?;
	}
}

sub compile {
	my ($out, @rest) = @_;
	return run("$out.log", {}, @compiler, '-w', '-o', $out, @rest);
}

# The unit programs of the folders that are changed, and the one that lets allocations fail, linked against all objects in one library, so that a mutant's functions can take the place of theirs.
sub link_programs {
	my @objects = grep { !m{/generate/} } glob("$build/common/*/*.o");
	chmod 0755, $work;
	compile("$work/libnatmap.so", '-shared', @objects, split ' ', `pkg-config --libs yajl`) == 0 or
		die slurp("$work/libnatmap.so.log");
	compile("$work/libmutant.so", '-shared', '-x', 'c', '/dev/null') == 0 or die slurp("$work/libmutant.so.log");
	my @shared = grep { !m{/test_} } glob("$build/test/unit/*.o");
	my $folders = join '|', map { s{/.*}{}r } @$wanted;
	my @programs = grep { /^test_(no_memory$|($folders)_)/ } map { basename($_, '.o') } glob("$build/test/unit/test_*.o");
	side_by_side(sub {
		compile("$work/$_[0]", "$build/test/unit/$_[0].o", @shared, "-L$work", '-Wl,--no-as-needed', '-lmutant',
			'-lnatmap', "-Wl,-rpath,$work", '-Wl,--enable-new-dtags', '-Wl,-z,lazy', split ' ', `pkg-config --libs yajl`) == 0 or die slurp("$work/$_[0].log");
	}, @programs);
	return @programs;
}

# ask(PROGRAM): how long a unit program takes, and which functions it calls, as the loader says when it binds them
sub ask {
	my ($program, $job) = @_;
	my ($out, $folder, $start) = ("$work/$program.out", scratch($job), time);
	local ($ENV{LD_DEBUG}, $ENV{LD_DEBUG_OUTPUT}) = ('bindings', "$folder/bound");
	my $status = run($out, {nobody => 1, patience => 10 * PATIENCE, in_folder => $folder}, "$work/$program");
	my $takes = time - $start;
	die "$program fails without a change: status $status\n" . slurp($out) if $status;
	my %calls = map { slurp($_) =~ /libnatmap\.so \[0\]: normal symbol `(\w+)'()/g } glob("$folder/bound*");
	unlink glob("$folder/bound*");
	open my $answer, '>', "$work/$program.answer" or die "$program.answer: $!\n";
	print $answer join ' ', $takes, keys %calls;
	close $answer;
}

# What ask() has found.
sub answers {
	return map {
		my ($takes, @calls) = split ' ', slurp("$work/$_.answer");
		{name => $_, takes => $takes, calls => {map { $_ => 1 } @calls}}
	} @_;
}

# A folder for what unit programs write.
sub scratch {
	my ($job) = @_;
	my $folder = "$work/scratch$job";
	return $folder if -d $folder;
	mkdir $folder or die "$folder: $!\n";
	chown NOBODY, NOBODY, $folder if $> == 0;
	return $folder;
}

# programs_for(FILE, MUTANT, PROGRAMS): those that call what is changed; where a function is static, those that call any of the
# file's. Those of its own folder alone, and its own first.
sub programs_for {
	my ($file, $mutant, @programs) = @_;
	my $function = $mutant->{function} // '';
	my $exported = $file->{exported};
	my @functions = grep { $exported->{$_} eq 'T' } keys %$exported;
	my @names = $exported->{$function} ? ($function) : $function ? @functions : keys %$exported;
	my ($folder, $module) = $file->{path} =~ m{(\w+)/(\w+)\.c$};
	my @those = grep { my $calls = $_->{calls}; grep { $calls->{$_} } @names } @programs;
	my %own = map { $_->{name} => $_->{name} =~ /^test_${folder}_$module/ ? 0 : 1 } @those;
	@those = grep { $_->{name} =~ /^test_(no_memory$|${folder}_)/ } @those;
	return sort { $own{$a->{name}} <=> $own{$b->{name}} || $a->{name} cmp $b->{name} } @those;
}

# The programs in turn, until one fails; each has so much processor time, memory and disk. A mutant that waits for something that
# does not come is ended after PATIENCE seconds.
my $IN_TURN = 'folder=$1; shift; ulimit -c 0; ulimit -f 262144; ulimit -v ' . MEMORY_KIB . '
	while [ $# -gt 0 ]; do
		(ulimit -t "$2"; LD_LIBRARY_PATH=$folder exec "$1" >/dev/null 2>&1) || { echo "$1: $?"; exit 1; }
		shift 2
	done';

# judge(MUTANT, JOB): killed, no-c (it does not compile), equal or survived
sub judge {
	my ($mutant, $job) = @_;
	my ($file, $source, $library) = ($mutant->{file}, "$work/mutant$job.c", "$work/mutant$job/libmutant.so");
	mkdir "$work/mutant$job";
	write_mutant($mutant, $source);
	return 'no-c' if compile($library, '-O0', '-fPIC', '-shared', '-nostdlib', '-include', $file->{prelude}, $source);
	my @programs = programs_for($file, $mutant, @{$file->{programs}});
	my $scratch = scratch($job);
	my @list = map { ("$work/$_->{name}", ceil(10 * $_->{takes})) } @programs;
	my $status = run("$work/run$job", {nobody => 1, patience => PATIENCE, in_folder => $scratch}, 'sh', '-c', $IN_TURN, 'sh',
		"$work/mutant$job", @list);
	system 'find', $scratch, '-mindepth', '1', '-delete' if $status;
	return 'killed' if $status;
	return optimized($source, "$work/mutant$job.o", $file->{prelude}) eq ($file->{optimized} //= optimized_original($file, $job)) ? 'equal' : 'survived';
}

sub write_mutant {
	my ($mutant, $path) = @_;
	my $file = $mutant->{file};
	my $text = $file->{text};
	substr($text, $mutant->{at}, $mutant->{size}) = $mutant->{text};
	substr($text, 0, length $file->{head}) = "\n" x ($file->{head} =~ tr/\n//);
	open my $out, '>', $path or die "$path: $!\n";
	print $out $text;
	close $out or die "$path: $!\n";
}

# What a file includes at its head, compiled once for all its mutants, which takes a third of their time.
sub make_prelude {
	my ($file) = @_;
	open my $out, '>', $file->{prelude} or die "$file->{prelude}: $!\n";
	print $out $file->{head};
	close $out or die "$file->{prelude}: $!\n";
	compile("$file->{prelude}.gch", '-O0', '-fPIC', '-x', 'c-header', $file->{prelude}) == 0 or die slurp("$file->{prelude}.gch.log");
}

sub optimized {
	my ($source, $object, $prelude) = @_;
	compile($object, '-O2', '-fPIC', '-c', '-include', $prelude, $source) == 0 or return '';
	return slurp($object);
}

sub optimized_original {
	my ($file, $job) = @_;
	write_mutant({file => $file, at => 0, size => 0, text => ''}, "$work/mutant$job.c");
	return optimized("$work/mutant$job.c", "$work/original$job.o", $file->{prelude});
}

# files(): those that are wanted, each with its text and the functions that it exports
sub files {
	my @paths = map { my @found = m{/} ? "common/$_.c" : glob("common/$_/*.c"); @found } @$wanted;
	return map {
		my $object = "$build/" . s/\.c$/.o/r;
		my %exported = map { /^\S+ ([TDRBV]) (\w+)$/ ? ($2 => $1) : () } split /\n/, `nm -g --defined-only $object`;
		my $text = slurp($_);
		my ($head) = $text =~ m{^((?:\s+|/\*.*?\*/|\#include[^\n]*\n)*)}s;
		{path => $_, text => $text, exported => \%exported, head => $head, prelude => "$work/" . tr{/}{-}r . '.h'}
	} @paths;
}

# chosen(MUTANTS...): all, or the sample
sub chosen {
	my @mutants = @_;
	my $size = $ENV{MUTANTS_SAMPLE} or return @mutants;
	my $seed = $ENV{SEED} // '1';
	my %mark = map { $_ => md5_hex("$seed $_->{file}{path} $_->{line} $_->{name} $_->{same}") } @mutants;
	my @sorted = sort { $mark{$a} cmp $mark{$b} } @mutants;
	return @sorted[0 .. ($size < @sorted ? $size : @sorted) - 1];
}

# The explanations: FILE, CHANGE and LINE to the reason.
sub explanations {
	my %reasons;
	for (split /\n/, slurp("$FindBin::Bin/survivors")) {
		next if /^(#|$)/;
		my ($path, $change, $line, $reason) = split /\t/;
		die "survivors: expected FILE, CHANGE, LINE, REASON: $_\n" unless $reason;
		$reasons{$path, $line, $change} = $_;
	}
	return \%reasons;
}

sub explanation {
	my ($reasons, $mutant) = @_;
	my ($found) = grep { $reasons->{$_} } map { join $;, $mutant->{file}{path}, $mutant->{line}, $_ } $mutant->{name}, '*';
	return $found;
}

sub folder_of {
	my ($mutant) = @_;
	return $mutant->{file}{path} =~ m{common/(\w+)/} ? $1 : '?';
}

# The table; how many have survived without an explanation.
sub report {
	my ($count, @folders) = @_;
	my @columns = qw(mutants killed no-c equal explained SURVIVED);
	printf '%-12s' . ' %9s' x @columns . "\n", 'folder', @columns;
	for my $folder (@folders, 'total') {
		printf '%-12s' . ' %9d' x @columns . "\n", $folder, map { $count->{$folder}{$_} // 0 } @columns;
	}
	return $count->{total}{SURVIVED} // 0;
}

# What is not changed must not be noticed.
sub check_original {
	my ($file, $job) = @_;
	my $result = judge({file => $file, at => 0, size => 0, text => ''}, $job);
	die "$file->{path}: what is not changed is $result\n" if $result ne 'equal';
}

sub run_all {
	my ($reasons, @mutants) = @_;
	side_by_side(sub {
		my ($i, $job) = @_;
		my $mutant = $mutants[$i];
		my $result = judge($mutant, $job);
		open my $out, '>>', "$work/results$job" or die;
		print $out "$i $result\n";
		close $out;
		return if $result ne 'survived' || explanation($reasons, $mutant);
		print join("\t", $mutant->{file}{path}, $mutant->{name}, $mutant->{line}), "\n";
	}, 0 .. $#mutants);
	return map { slurp($_) =~ /^(\d+) (\S+)$/gm } glob("$work/results*");
}

chdir $tree or die;
$build = getcwd() . "/$build" unless $build =~ m{^/};
my @files = files();
my %same;
my @mutants = chosen(map {
	my $file = $_;
	map { {%$_, file => $file, same => ++$same{$file->{path}, $_->{line}, $_->{name}}} } Mutator::mutants($file->{text})
} @files);
if ($ENV{MUTANTS_LIST}) {
	print join("\t", "$_->{file}{path}:$_->{number}", $_->{name}, $_->{line}), "\n" for @mutants;
	exit 0;
}
my $start = time;
my @names = link_programs();
side_by_side(\&ask, @names);
my @programs = answers(@names);
$_->{programs} = \@programs for @files;
side_by_side(\&make_prelude, @files);
side_by_side(\&check_original, @files);
my $reasons = explanations();
my %results = run_all($reasons, @mutants);
my (%count, %used);
for my $i (0 .. $#mutants) {
	my $result = $results{$i} // die "no result of $mutants[$i]{file}{path}: $mutants[$i]{line}\n";
	my $why = $result eq 'survived' ? explanation($reasons, $mutants[$i]) : undef;
	$used{$why} = 1 if $why;
	my $column = $result ne 'survived' ? $result : $why ? 'explained' : 'SURVIVED';
	$count{$_}{$column}++, $count{$_}{mutants}++ for folder_of($mutants[$i]), 'total';
}
my $faults = report(\%count, sort grep { $_ ne 'total' } keys %count);
printf "%d seconds\n", time - $start;
if (!$ENV{MUTANTS_SAMPLE}) {
	my %run = map { $_->{path} => 1 } @files;
	for my $stale (grep { !$used{$_} && $run{(split /$;/)[0]} } sort keys %$reasons) {
		print "explains nothing: $reasons->{$stale}\n";
		$faults++;
	}
}
exit($faults ? 1 : 0);
