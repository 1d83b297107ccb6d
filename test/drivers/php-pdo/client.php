<?php

declare(strict_types=1);

const BIG = "select string_agg(repeat('x', 1000), '') from generate_series(1, 5000)";
const PARAMETERS = ['server_version', 'application_name', 'client_encoding', 'TimeZone'];

/** The driver has no such thing; the text says what is known about it. */
final class Limit extends Exception
{
}

function variable(string $name): string
{
    return getenv("DRIVER_$name");
}

function report(string $name, ?bool $ok, string $detail): void
{
    echo json_encode(['step' => $name, 'ok' => $ok, 'detail' => $detail], JSON_THROW_ON_ERROR), "\n";
}

function step(string $name, callable $run): void
{
    try {
        report($name, true, (string) $run());
    } catch (Limit $limit) {
        report($name, null, $limit->getMessage());
    } catch (Throwable $problem) {
        report($name, false, get_class($problem) . ': ' . $problem->getMessage());
    }
}

function check(bool $isSo, string $what): void
{
    if (!$isSo) {
        throw new RuntimeException($what);
    }
}

function connect(?string $password = null): PDO
{
    $dsn = sprintf(
        'pgsql:host=%s;port=%s;dbname=%s;sslmode=verify-full;sslrootcert=%s;application_name=%s;connect_timeout=10',
        variable('HOST'),
        variable('PORT'),
        variable('DATABASE'),
        variable('CA'),
        variable('APPLICATION'),
    );
    return new PDO($dsn, variable('USER'), $password ?? variable('PASSWORD'));
}

function only(PDO $connection, string $sql, array $values = []): mixed
{
    $statement = $connection->prepare($sql);
    $statement->execute($values);
    return $statement->fetchColumn();
}

function connects(string $password): void
{
    check(only(connect($password), 'select session_user') === variable('USER'), 'another role');
}

function refused(string $password): string
{
    try {
        connect($password);
    } catch (PDOException $failure) {
        // Where libpq gives no SQLSTATE, PDO makes one up: 08006.
        $state = $failure->errorInfo[0] ?? null;
        $message = preg_replace('/\s+/', ' ', trim($failure->getMessage()));
        return ($state === null || $state === '08006' ? 'no SQLSTATE' : $state) . ": $message";
    }
    throw new RuntimeException('logged in');
}

$libpq = connect()->getAttribute(PDO::ATTR_CLIENT_VERSION);
report('version', true, 'PDO_PGSQL of PHP ' . PHP_VERSION . ", libpq $libpq");

step('connect', fn () => connects(variable('PASSWORD')));

step('parameters', function () {
    $connection = connect();
    $pairs = array_map(fn ($name) => "$name=" . only($connection, "show $name"), PARAMETERS);
    return implode(', ', $pairs);
});

step('transaction', function () {
    $connection = connect();
    $connection->exec('create temp table t (id int)');
    foreach ([1 => 'commit', 2 => 'rollBack'] as $id => $end) {
        $connection->beginTransaction();
        $connection->prepare('insert into t values (?)')->execute([$id]);
        $connection->$end();
    }
    check(only($connection, 'select count(*) from t') === 1, 'commit or rollback did not hold');
});

step('error', function () {
    $connection = connect();
    try {
        $connection->query('select 1/0');
        throw new RuntimeException('it did not fail');
    } catch (PDOException $failure) {
        check($failure->errorInfo[0] === '22012', $failure->getMessage());
    }
    check(only($connection, 'select ?::int', [1]) === 1, 'the session is not usable');
});

step('copy', function () {
    $connection = connect();
    $rows = array_map(fn ($i) => "$i\tline number $i\n", range(0, 19_999));
    $connection->exec('create temp table t (id int, text text)');
    check($connection->pgsqlCopyFromArray('t', $rows), 'nothing went in');
    check($connection->pgsqlCopyToArray('t') === $rows, 'other lines came out');
});

step('large-result', function () {
    check(strlen(only(connect(), BIG)) === 5_000_000, 'not the whole value');
});

step('cancel', function () {
    throw new Limit('PDO cancels no statement; the extension pgsql has pg_cancel_query()');
});

step('notify', function () {
    [$listener, $sender] = [connect(), connect()];
    $listener->exec('listen news');
    $sender->exec("notify news, 'hello'");
    $received = $listener->pgsqlGetNotify(PDO::FETCH_ASSOC, 10_000);
    check(is_array($received) && $received['payload'] === 'hello', 'no notification in time');
});

step('pipeline', function () {
    throw new Limit('PDO has no pipeline mode');
});

step('large-token', fn () => connects(variable('PASSWORD_LARGE')));
step('wrong-token', fn () => refused(variable('PASSWORD_WRONG')));
step('expired-token', fn () => refused(variable('PASSWORD_EXPIRED')));

step('fresh-token', function () {
    $tokens = [variable('PASSWORD_FRESH_1'), variable('PASSWORD_FRESH_2')];
    $open = function () use (&$tokens) {
        return connect(array_shift($tokens));
    };
    $connections = [$open(), $open()];
    $pids = array_map(fn ($connection) => only($connection, 'select pg_backend_pid()'), $connections);
    check(count(array_unique($pids)) === 2 && $tokens === [], 'not two connections by two tokens');
    return 'PDO has no pool; whoever makes a PDO passes the token';
});
