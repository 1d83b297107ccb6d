use strict;
use warnings;

use DBD::Pg qw(:async);
use DBI;
use JSON::PP;
use Time::HiRes qw(time sleep);

my %password = map { $_ => $ENV{"DRIVER_PASSWORD$_"} } '', qw(_LARGE _WRONG _EXPIRED _FRESH_1 _FRESH_2);
my $user = $ENV{DRIVER_USER};
my $big = "select string_agg(repeat('x', 1000), '') from generate_series(1, 5000)";
my $dsn = join ';', "dbi:Pg:dbname=$ENV{DRIVER_DATABASE}",
  "host=$ENV{DRIVER_HOST}", "port=$ENV{DRIVER_PORT}",
  'sslmode=verify-full', "sslrootcert=$ENV{DRIVER_CA}",
  "application_name=$ENV{DRIVER_APPLICATION}", 'connect_timeout=10';

$| = 1;

sub report {
  my ($name, $ok, $detail) = @_;
  print JSON::PP->new->canonical->encode({step => $name, ok => $ok, detail => "$detail"}), "\n";
}

sub step {
  my ($name, $run) = @_;
  my $detail = eval {
    local $SIG{ALRM} = sub { die "not in time\n" };
    alarm 60;
    my $said = $run->();
    alarm 0;
    $said;
  };
  my $problem = $@;
  alarm 0;
  return report($name, undef, $problem->{limit}) if ref $problem eq 'HASH';
  return report($name, JSON::PP::false, $problem) if $problem;
  report($name, JSON::PP::true, $detail // '');
}

sub check {
  my ($is_so, $what) = @_;
  die "$what\n" unless $is_so;
}

sub open_connection {
  my ($password) = @_;
  return DBI->connect($dsn, $user, $password // $password{''},
    {RaiseError => 1, PrintError => 0, AutoCommit => 1});
}

sub only {
  my ($connection, $sql, @values) = @_;
  return ($connection->selectrow_array($sql, undef, @values))[0];
}

sub connects {
  my ($password) = @_;
  my $connection = open_connection($password);
  check(only($connection, 'select session_user') eq $user, 'another role');
  $connection->disconnect;
  return;
}

sub refused {
  my ($password) = @_;
  eval { open_connection($password) } and die "logged in\n";
  my $message = join ' ', split ' ', $DBI::errstr;
  # DBD::Pg makes up 08006 for every connection that fails.
  my $state = $DBI::state eq '08006' ? 'no SQLSTATE' : $DBI::state;
  return "$state: $message";
}

report('version', JSON::PP::true, sprintf 'DBD::Pg %s, libpq %d, Perl %vd',
  $DBD::Pg::VERSION, open_connection()->{pg_lib_version} / 10000, $^V);

step(connect => sub { connects($password{''}) });

step(parameters => sub {
  my $connection = open_connection();
  return join ', ', map { "$_=" . only($connection, "show $_") }
    qw(server_version application_name client_encoding TimeZone);
});

step(transaction => sub {
  my $connection = open_connection();
  $connection->do('create temp table t (id int)');
  for ([1, 'commit'], [2, 'rollback']) {
    my ($id, $end) = @$_;
    $connection->begin_work;
    $connection->do('insert into t values (?)', undef, $id);
    $connection->$end;
  }
  check(only($connection, 'select count(*) from t') == 1, 'commit or rollback did not hold');
  return;
});

step(error => sub {
  my $connection = open_connection();
  eval { $connection->do('select 1/0') } and die "it did not fail\n";
  check($connection->state eq '22012', $connection->state);
  check(only($connection, 'select ?::int', 1) == 1, 'the session is not usable');
  return;
});

step(copy => sub {
  my $connection = open_connection();
  my $lines = join '', map { "$_\tline number $_\n" } 0 .. 19_999;
  $connection->do('create temp table t (id int, text text)');
  $connection->do('copy t from stdin');
  $connection->pg_putcopydata($lines);
  $connection->pg_putcopyend;
  $connection->do('copy t to stdout');
  my $copied = '';
  my $row;
  $copied .= $row while $connection->pg_getcopydata(\$row) >= 0;
  check($copied eq $lines, 'other lines came out');
  return;
});

step('large-result' => sub {
  check(length only(open_connection(), $big) == 5_000_000, 'not the whole value');
  return;
});

step(cancel => sub {
  my $connection = open_connection();
  my $started = time;
  $connection->do('select pg_sleep(30)', {pg_async => PG_ASYNC});
  sleep 0.3;
  check(!$connection->pg_ready, 'it has ended already');
  $connection->pg_cancel;
  check($connection->state eq '57014', $connection->state);
  check(time - $started < 10, 'too late');
  check(only($connection, 'select 1') == 1, 'the session is not usable');
  return 'pg_cancel of an asynchronous statement';
});

step(notify => sub {
  my ($listener, $sender) = (open_connection(), open_connection());
  $listener->do('listen news');
  $sender->do("notify news, 'hello'");
  my $deadline = time + 10;
  my $received;
  sleep 0.02 until ($received = $listener->pg_notifies) || time > $deadline;
  check($received && $received->[2] eq 'hello', 'no notification in time');
  return;
});

step(pipeline => sub { die {limit => 'DBD::Pg 3.16 has no pipeline mode'} });

step('large-token' => sub { connects($password{_LARGE}) });
step('wrong-token' => sub { refused($password{_WRONG}) });
step('expired-token' => sub { refused($password{_EXPIRED}) });

step('fresh-token' => sub {
  my @tokens = @password{qw(_FRESH_1 _FRESH_2)};
  # What a pool like DBIx::Connector is given: code that connects.
  my $connector = sub { open_connection(shift @tokens) };
  my %pids = map { $_ => 1 } map { only($_, 'select pg_backend_pid()') } map { $connector->() } 1 .. 2;
  check(keys %pids == 2 && !@tokens, 'not two connections by two tokens');
  return 'DBI has no pool; whoever calls connect() passes the token';
});
