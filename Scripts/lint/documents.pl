#!/usr/bin/env perl
# SPDX-License-Identifier: Apache-2.0
# What Scripts/lint/documents.sh looks for. Prints file:line: why, and fails if there is anything to print.
use strict;
use warnings;
use File::Basename;
use File::Find;

my $parity = 'Documentation/OTPParity.md';
my @articles = glob 'Sources/*/*.docc/*.md';
my @pages = grep { -e } qw(README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md), @articles;
find({ no_chdir => 1, wanted => sub { push @pages, $_ if /\.md$/ } }, grep { -d } qw(Documentation Benchmarks));

my (%tests, %code);    # "Suite/function", "Target.Suite/function" => 1; file => its lines, trimmed
find({ no_chdir => 1, wanted => sub { read_tests($_) if /\.swift$/ } }, 'Tests') if -d 'Tests';

sub lines_of {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!";
    my @lines = <$in>;
    chomp @lines;
    return @lines;
}

# As code and pages have it alike: pages may align their comments.
sub trimmed { my ($line) = @_; $line =~ s/^\s+|\s+$//g; $line =~ s{\s+//}{ //}; return $line }

# A suite is a struct; a test is the function behind @Test.
sub read_tests {
    my ($file) = @_;
    my ($target) = $file =~ m{^Tests/(\w+)/};
    my ($suite, $is_test) = ('', 0);
    for my $line (lines_of($file)) {
        $suite = $1 if $line =~ /^(?:private )?(?:struct|extension) (\w+Tests)\b/;
        $is_test = 1 if $line =~ /\@Test\b/;
        if ($is_test && $line =~ /\bfunc (\w+)\(/) {
            $tests{"$suite/$1"} = $tests{"$target.$suite/$1"} = 1;
            $is_test = 0;
        }
    }
    $code{$file} = "\n" . join("\n", grep { length } map { trimmed($_) } lines_of($file)) . "\n";
}

my $findings = 0;
sub finding { my ($place, $why) = @_; print "$place: $why\n"; $findings++ }

if (-e $parity) {
    my (%rows, $number);
    for my $line (lines_of($parity)) {
        $number++;
        while ($line =~ m{`((?:\w+\.)?\w+Tests/\w+)`}g) {
            finding("$parity:$number", "there is no such test: $1") unless $tests{$1};
        }
        $rows{$1}++ if $line =~ /^\| ([RS]\d+) /;
        # A row shows a test, or says why there is none.
        finding("$parity:$number", "a row without a test says to come, or none needed: $1")
            if $line =~ /^\| ([RS]\d+) / && $line !~ m{Tests/\w+`|to come|none needed};
    }
    for my $row ((map { "R$_" } 1 .. 22), (map { "S$_" } 1 .. 47)) {
        my $count = $rows{$row} // 0;
        finding("$parity:1", "expected one row for $row, got $count") if $count != 1;
    }
}

# Swift examples stand in a test, line by line; but for @main, which a test cannot have, and imports, which are its own.
for my $article (grep { -e } 'README.md', @articles) {
    my ($number, $begin, @block) = (0, 0);
    for my $line (lines_of($article)) {
        $number++;
        if ($begin && $line =~ /^```/) {
            my $text = "\n" . join("\n", @block) . "\n";
            finding("$article:$begin", "this example stands in no test under Tests")
                unless grep { index($_, $text) >= 0 } values %code;
            $begin = 0;
        } elsif ($line =~ /^```swift$/) {
            ($begin, @block) = ($number);
        } elsif ($begin) {
            push @block, trimmed($line) if $line =~ /\S/ && $line !~ /^(?:\@main|import \w+)$/;
        }
    }
}

# Links lead somewhere. Articles also stand on pages of their own, without the tree: they name other articles as doc:Name,
# and files as a path in code.
for my $page (@pages) {
    my ($folder, $is_article, $number) = (dirname($page), scalar($page =~ /\.docc\//), 0);
    for my $line (lines_of($page)) {
        $number++;
        while ($line =~ m{\]\(([^)#:]+)(?:#[^)]*)?\)}g) {
            finding("$page:$number", "an article links to no file: $1") if $is_article;
            finding("$page:$number", "the link leads nowhere: $1") unless $is_article || -e "$folder/$1";
        }
        next unless $is_article;
        while ($line =~ m{[<(]doc:(\w+)[>)]}g) {
            finding("$page:$number", "there is no such article here: $1") unless -e "$folder/$1.md";
        }
        while ($line =~ m{`((?:Documentation|Examples|Sources|Tests|Benchmarks)/[\w./+-]+)`}g) {
            finding("$page:$number", "there is no such file: $1") unless -e $1;
        }
    }
}

exit($findings ? 1 : 0);
