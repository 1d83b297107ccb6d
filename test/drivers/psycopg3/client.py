import threading
import time

import psycopg
import psycopg_pool

from steps import *

SETTINGS = dict(
    host=HOST,
    port=PORT,
    dbname=DATABASE,
    user=USER,
    application_name=APPLICATION,
    sslmode="verify-full",
    sslrootcert=CA,
    connect_timeout=10,
)


def connect(password=PASSWORD, **more):
    return psycopg.connect(**SETTINGS, password=password, **more)


def query(connection, sql, values=None):
    return connection.execute(sql, values).fetchone()[0]


def connects():
    with connect() as connection:
        check(query(connection, "select session_user") == USER, "another role")


def server_parameters():
    with connect() as connection:
        return parameters([connection.info.parameter_status(name) for name in PARAMETERS])


def transaction():
    with connect(autocommit=True) as connection:
        connection.execute("create temp table t (id int)")
        with connection.transaction():
            connection.execute("insert into t values (%s)", (1,))
        with connection.transaction(force_rollback=True):
            connection.execute("insert into t values (%s)", (2,))
        check(query(connection, "select count(*) from t") == 1, "commit or rollback did not hold")


def error():
    with connect(autocommit=True) as connection:
        try:
            query(connection, "select 1/0")
        except psycopg.errors.DivisionByZero as failure:
            check(failure.sqlstate == "22012", failure.sqlstate)
        check(query(connection, "select %s::int", (1,)) == 1, "the session is not usable")


def copy():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("create temp table t (id int, text text)")
        with cursor.copy("copy t from stdin") as into:
            into.write(LINES)
        with cursor.copy("copy t to stdout") as out:
            copied = b"".join(bytes(part) for part in out)
        check(copied.decode() == LINES, "other lines came out")


def large_result():
    with connect() as connection:
        check(len(query(connection, BIG)) == BIG_BYTES, "not the whole value")


def cancel():
    with connect(autocommit=True) as connection:
        ended = threading.Event()

        def canceller():
            while not ended.wait(0.3):
                connection.cancel_safe(timeout=5)

        thread = threading.Thread(target=canceller)
        started = time.monotonic()
        thread.start()
        try:
            query(connection, "select pg_sleep(30)")
            raise AssertionError("not cancelled")
        except psycopg.errors.QueryCanceled as failure:
            check(failure.sqlstate == "57014", failure.sqlstate)
        finally:
            ended.set()
            thread.join()
        check(time.monotonic() - started < 10, "too late")


def notify():
    with connect(autocommit=True) as listener, connect(autocommit=True) as sender:
        listener.execute("listen news")
        sender.execute("notify news, 'hello'")
        received = [n.payload for n in listener.notifies(timeout=10, stop_after=1)]
        check(received == ["hello"], f"{received}")


def pipeline():
    with connect(autocommit=True) as connection, connection.pipeline():
        cursors = [connection.execute("select %s::int", (i,)) for i in range(100)]
        check([c.fetchone()[0] for c in cursors] == list(range(100)), "out of order")


def large_token():
    with connect(LARGE) as connection:
        check(query(connection, "select session_user") == USER, "another role")


def is_refused(password):
    try:
        connect(password)
    except psycopg.OperationalError as failure:
        return refused(failure.sqlstate, str(failure))
    raise AssertionError("logged in")


def fresh_token():
    token = FreshTokens()

    def kwargs():
        return {**SETTINGS, "password": token()}

    with psycopg_pool.ConnectionPool(kwargs=kwargs, min_size=2, max_size=2) as pool:
        with pool.connection() as one, pool.connection() as other:
            pids = {query(c, "select pg_backend_pid()") for c in (one, other)}
    check(len(pids) == 2 and token.are_used, "not two connections by two tokens")


libpq = psycopg.pq.version()
version(
    f"psycopg {psycopg.__version__} ({psycopg.pq.__impl__}), psycopg_pool"
    f" {psycopg_pool.__version__}, libpq {libpq // 10000}.{libpq % 10000}"
)
step("connect", connects)
step("parameters", server_parameters)
step("transaction", transaction)
step("error", error)
step("copy", copy)
step("large-result", large_result)
step("cancel", cancel)
step("notify", notify)
step("pipeline", pipeline)
step("large-token", large_token)
step("wrong-token", lambda: is_refused(WRONG))
step("expired-token", lambda: is_refused(EXPIRED))
step("fresh-token", fresh_token)
