#!/usr/bin/env perl
# SPDX-License-Identifier: Apache-2.0
# Prints the given Swift and C files as "file:line:code" with comments and the contents of strings blanked, so that a
# rule may grep for words without meeting prose. Not a parser: code inside a string's interpolation may pass for code.
#
#   code-only.pl [--declared-unsafe] [--top-level] file...
#
# --declared-unsafe   also blanks functions marked @unsafe, attribute and body: they declare what they are
# --top-level         also blanks everything inside braces, which leaves the declarations of the file's own level
use strict;
use warnings;

my %is_set;
while (@ARGV && $ARGV[0] =~ /^--(declared-unsafe|top-level)$/) {
    $is_set{$1} = 1;
    shift @ARGV;
}

# Keeps the line count: rules report lines.
sub blank {
    my ($text) = @_;
    $text =~ s/[^\n]/ /g;
    return $text;
}

my $comment = qr{//[^\n]*|/\*.*?\*/}s;
my $string = qr{\#+".*?"\#+|""".*?"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'}s;
my $unsafe_function = qr~
    \@unsafe\b [^{}()]*? \bfunc\s+ [^({]+
    (?<parameters> \( (?:[^()]++|(?&parameters))* \)) [^\n{}]*
    (?<body> \{ (?:[^{}]++|(?&body))* \})?
~x;

for my $file (@ARGV) {
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    my $text = <$in> // '';
    close $in;
    $text =~ s{($comment)|($string)}{ defined $1 ? blank($1) : '"' . blank($2) . '"' }ge;
    $text =~ s{($unsafe_function)}{ blank($1) }gex if $is_set{'declared-unsafe'};
    if ($is_set{'top-level'}) {
        1 while $text =~ s{(\{[^{}]*\})}{ blank($1) }ge;
    }
    my $line = 0;
    for (split /\n/, $text) {
        $line++;
        print "$file:$line:$_\n" if /\S/;
    }
}
