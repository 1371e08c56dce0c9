# Makes mutants of a C file that clang-format has formatted: each has one change in a function's body or in the initial value
# of a table. Not changed: strings, preprocessor lines, and the sizes of arrays in declarations. Which changes: %SWAPS, %HOW.
package Mutator;
use strict;
use warnings;
no warnings 'portable'; # numbers of more than 32 bits

# What stands for what, each of the replacements alone.
my %SWAPS = (
	'<' => ['<=', '>='], '<=' => ['<', '>'], '>' => ['>=', '<='], '>=' => ['>', '<'], '==' => ['!='], '!=' => ['=='],
	'&&' => ['||'], '||' => ['&&'],
	'+' => ['-'], '-' => ['+'], '*' => ['/'], '/' => ['*'], '%' => ['*'],
	'<<' => ['>>'], '>>' => ['<<'], '&' => ['|'], '|' => ['&'], '^' => ['&'],
	'+=' => ['-='], '-=' => ['+='], '*=' => ['+='], '|=' => ['&='], '&=' => ['|='], '^=' => ['&='], '<<=' => ['>>='], '>>=' => ['<<='],
	'++' => ['--'], '--' => ['++'],
	'true' => ['false'], 'false' => ['true'],
);
# What is changed otherwise, by the token that it begins with.
my %HOW = ('!' => \&not_sign, '?' => \&choice, 'if' => \&condition, 'while' => \&condition, 'return' => \&result);
my %KEYWORD = map { $_ => 1 } qw(return case sizeof else goto if for while do switch break continue default typedef static const
	extern struct enum union);

my $TOKEN = qr{\G(?:
	(?<space>\s+|/\*.*?\*/|//[^\n]*)
	|(?<directive>(?<![^\n])[ \t]*\#(?:[^\\\n]|\\.|/\*.*?\*/)*)
	|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
	|(?<number>(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?)[uUlL]*)
	|(?<word>[A-Za-z_]\w*)
	|(?<sign><<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
)}xs;

# tokens(TEXT): what it consists of, without blanks, comments and preprocessor lines: {type, text, at, spaced}; spaced: blanks
# stand before and behind
sub tokens {
	my ($text) = @_;
	my (@tokens, $blank_before);
	pos($text) = 0;
	while (pos($text) < length $text) {
		my $at = pos $text;
		$text =~ /$TOKEN/gc or die "cannot read it at byte $at";
		my ($type) = grep { defined $+{$_} } qw(space directive string number word sign);
		my $blank = $type eq 'space' || $type eq 'directive';
		$tokens[-1]{spaced} &&= $blank if @tokens && !$blank_before;
		push @tokens, {type => $type, text => $+{$type}, at => $at, spaced => $blank_before} unless $blank;
		$blank_before = $blank;
	}
	return \@tokens;
}

# pair(TOKENS): gives each bracket the number of the one that closes or opens it, and each token its depth
sub pair {
	my ($tokens) = @_;
	my @open;
	for my $i (0 .. $#$tokens) {
		my $t = $tokens->[$i];
		my $opened = $t->{text} =~ /^[])}]$/ && $t->{type} eq 'sign' ? pop @open : undef;
		($t->{pair}, $tokens->[$opened]{pair}) = ($opened, $i) if defined $opened;
		$t->{depth} = @open;
		push @open, $i if $t->{text} =~ /^[[({]$/ && $t->{type} eq 'sign';
	}
}

# functions(TOKENS): gives each token of a function's body its name
sub functions {
	my ($tokens) = @_;
	for my $i (1 .. $#$tokens) {
		my $t = $tokens->[$i];
		next unless $t->{text} eq '{' && !$t->{depth} && $tokens->[$i - 1]{text} eq ')';
		my $name = $tokens->[$tokens->[$i - 1]{pair} - 1];
		$name = $tokens->[$name->{pair} + 1] if $name->{text} eq ')'; # int(name)(arguments)
		$_->{function} = $name->{text} for @$tokens[$i .. $t->{pair}];
	}
}

# A token that begins what stands in brackets, and one behind whose end it is, at its depth.
sub until_sign {
	my ($self, $i, $signs) = @_;
	my ($tokens, $depth) = ($self->{tokens}, $self->{tokens}[$i]{depth});
	$i++ while $i < @$tokens && !($tokens->[$i]{depth} <= $depth && $tokens->[$i]{text} =~ $signs);
	return $i;
}

sub text_between {
	my ($self, $first, $behind) = @_;
	my $at = $self->{tokens}[$first]{at};
	return substr $self->{text}, $at, $self->{tokens}[$behind]{at} - $at;
}

# change(FIRST, BEHIND, TEXT, NAME): one more mutant, in which TEXT stands instead of these tokens
sub change {
	my ($self, $first, $behind, $text, $name) = @_;
	my $from = $self->{tokens}[$first];
	my $last = $self->{tokens}[$behind - 1];
	my $size = $last->{at} + length($last->{text}) - $from->{at};
	my $old = substr $self->{text}, $from->{at}, $size;
	my $start = rindex($self->{text}, "\n", $from->{at} - 1) + 1;
	my ($line) = substr($self->{text}, $start) =~ /^\s*([^\n]*)/;
	my $mutant = {
		at => $from->{at}, size => $size, text => $text, function => $from->{function}, line => $line,
		number => 1 + substr($self->{text}, 0, $from->{at}) =~ tr/\n//, name => $name // "$old -> $text",
	};
	my $same = ++$self->{seen}{$mutant->{number}, $mutant->{name}};
	$mutant->{name} .= " ($same)" if $same > 1;
	push @{$self->{mutants}}, $mutant;
}

sub swap {
	my ($self, $i) = @_;
	my $t = $self->{tokens}[$i];
	return if $t->{type} eq 'sign' && $t->{text} !~ /^(\+\+|--)$/ && !$t->{spaced}; # a pointer's, or before one operand
	$self->change($i, $i + 1, $_) for @{$SWAPS{$t->{text}}};
}

# One more, and one less. -1 is how functions fail, so that -2 would be the same to their callers.
sub number {
	my ($self, $i) = @_;
	my ($before, $t) = @{$self->{tokens}}[$i - 1, $i];
	my ($digits, $suffix) = $t->{text} =~ /^(0[xX][0-9a-fA-F]+|[0-9]+)([uUlL]*)$/ or return;
	my $form = $digits =~ /^0[xX]/ ? '0x%x' : '%d';
	my $value = $digits =~ /^0/ ? oct $digits : $digits;
	my $negative = $before->{text} eq '-' && !$before->{spaced};
	return if $before->{text} eq '[' && $self->is_size($i - 1);
	return if $before->{text} eq 'return' && $digits eq '0'; # result()
	$self->change($i, $i + 1, sprintf("$form%s", $value + 1, $suffix)) unless $negative || $value >= 2**62;
	$self->change($i, $i + 1, sprintf("$form%s", $value - 1, $suffix)) if $value > 0;
}

# Whether this [ is that of a declared array.
sub is_size {
	my ($self, $i) = @_;
	my ($before, $name) = @{$self->{tokens}}[$i - 2, $i - 1];
	return 1 if $name->{text} =~ /^(static|\])$/;
	return $name->{type} eq 'word' && ($before->{text} eq '*' && !$before->{spaced} || $before->{type} eq 'word' &&
		$before->{text} !~ /^(return|case|else)$/);
}

sub not_sign {
	my ($self, $i) = @_;
	my $at = $self->{tokens}[$i + 1]{at};
	$self->change($i, $i + 1, '', '! away');
}

# if (a), while (a): not a. Where a is one comparison, its own changes say the same.
sub condition {
	my ($self, $i) = @_;
	my $open = $i + 1;
	my $close = $self->{tokens}[$open]{pair} // return;
	my @signs = grep { $_->{depth} == $self->{tokens}[$open]{depth} + 1 && $_->{type} eq 'sign' } @{$self->{tokens}}[$open + 1 .. $close - 1];
	my @logic = grep { $_->{text} =~ /^(&&|\|\|)$/ } @signs;
	return if !@logic && grep { $_->{text} =~ /^([<>]=?|[!=]=|!)$/ && ($_->{spaced} || $_->{text} eq '!') } @signs;
	$self->change($open, $close + 1, '(!(' . $self->text_between($open + 1, $close) . '))', 'not the condition');
}

# a ? b : c becomes !(a) ? b : c.
sub choice {
	my ($self, $i) = @_;
	my ($tokens, $first) = ($self->{tokens}, $i);
	$first = $tokens->[$first - 1]{text} =~ /^[])}]$/ ? $tokens->[$first - 1]{pair} : $first - 1
		while $tokens->[$first - 1]{text} !~ /^([[({,;?:]|return|[-+*\/%&|^]?=|<<=|>>=)$/;
	my $condition = $self->text_between($first, $i);
	$self->change($first, $i, "!($condition)", 'the other of two') unless $condition =~ /^\s*$/;
}

my %RESULTS = ('0' => ['-1'], 'NULL' => ['(void *)-1'], 'true' => [], 'false' => [], '-1' => []); # numbers and words change themselves

sub result {
	my ($self, $i) = @_;
	my $end = $self->until_sign($i, qr/^;$/);
	return if $end == $i + 1;
	my $text = $self->text_between($i + 1, $end);
	my $results = $RESULTS{$text} // ($text =~ /\w\(/ ? ['0', '-1'] : ['0']);
	$self->change($i, $end, "return $_", "return $_") for @$results;
}

sub begins_statement {
	my ($self, $i) = @_;
	my ($tokens, $before) = ($self->{tokens}, $self->{tokens}[$i - 1]);
	return $tokens->[$before->{pair} - 1]{text} =~ /^(if|for|while|switch)$/ if $before->{text} eq ')';
	return $tokens->[$i - 3]{text} eq 'case' || $tokens->[$i - 2]{text} eq 'default' if $before->{text} eq ':';
	return $before->{text} =~ /^([{};]|else|do)$/;
}

# A statement that calls or assigns, or leaves a loop: none.
sub statement {
	my ($self, $i) = @_;
	my $t = $self->{tokens}[$i];
	return unless $self->begins_statement($i) && !$self->in_brackets($i);
	return unless $t->{type} eq 'word' ? !$KEYWORD{$t->{text}} || $t->{text} =~ /^(break|continue)$/ : $t->{text} =~ /^([*(]|\+\+|--)$/;
	my $end = $self->until_sign($i, qr/^[;{}]$/);
	return if $self->{tokens}[$end]{text} ne ';';
	my $text = $self->text_between($i, $end);
	return if $text =~ /^[A-Za-z_]\w*( [A-Za-z_*]|$)/ && $text !~ /^(break|continue)$/; # a declaration
	return if $text =~ /^(free|va_end)\(/;
	return unless $text =~ /^(break|continue)$/ || $text =~ /\w\(|[^=!<>]=[^=]|\+\+|--/;
	$self->change($i, $end, '', 'without the statement');
}

# Whether this token is in parentheses, as those of for (;;).
sub in_brackets {
	my ($self, $i) = @_;
	my $depth = $self->{tokens}[$i]{depth};
	return 1 if $depth == 0;
	for (my $j = $i - 1; $j >= 0; $j--) {
		my $t = $self->{tokens}[$j];
		return $t->{text} ne '{' if $t->{depth} == $depth - 1 && $t->{text} =~ /^[[({]$/;
	}
	return 1;
}

# The tokens that are changed: of functions, and of what stands in braces elsewhere. Not those of __attribute__((...)).
sub places {
	my ($tokens) = @_;
	my @places = grep { $tokens->[$_]{depth} > 0 && $tokens->[$_]{type} ne 'string' } 1 .. $#$tokens;
	my %attribute;
	for my $i (grep { $tokens->[$_]{text} =~ /^(__attribute__|_Static_assert|static_assert)$/ } 0 .. $#$tokens - 1) {
		$attribute{$_} = 1 for $i .. $tokens->[$i + 1]{pair};
	}
	return grep { !$attribute{$_} } @places;
}

# mutants(TEXT): {at, size, text: what stands instead; line, number: of the file; function; name: of the change}
sub mutants {
	my ($text) = @_;
	my $self = bless {text => $text, tokens => tokens($text), mutants => [], seen => {}}, __PACKAGE__;
	pair($self->{tokens});
	functions($self->{tokens});
	for my $i (places($self->{tokens})) {
		my $t = $self->{tokens}[$i];
		$self->statement($i);
		$self->number($i) if $t->{type} eq 'number';
		$self->swap($i) if $SWAPS{$t->{text}};
		$HOW{$t->{text}}->($self, $i) if $HOW{$t->{text}};
	}
	return @{$self->{mutants}};
}

1;
