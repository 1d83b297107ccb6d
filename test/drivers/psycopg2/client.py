import io
import select
import threading
import time

import psycopg2
import psycopg2.extensions
import psycopg2.pool

from steps import *


def connect(password=PASSWORD):
    return psycopg2.connect(
        host=HOST,
        port=PORT,
        dbname=DATABASE,
        user=USER,
        password=password,
        application_name=APPLICATION,
        sslmode="verify-full",
        sslrootcert=CA,
        connect_timeout=10,
    )


def query(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def connects():
    connection = connect()
    check(query(connection, "select session_user") == USER, "another role")
    connection.close()


def server_parameters():
    connection = connect()
    values = [connection.get_parameter_status(name) for name in PARAMETERS]
    connection.close()
    return parameters(values)


def transaction():
    connection = connect()
    query(connection, "create temp table t (id int); select 1")
    connection.commit()
    with connection, connection.cursor() as cursor:
        cursor.execute("insert into t values (%s)", (1,))
    query(connection, "insert into t values (2) returning id")
    connection.rollback()
    check(query(connection, "select count(*) from t") == 1, "commit or rollback did not hold")
    connection.close()


def error():
    connection = connect()
    try:
        query(connection, "select 1/0")
    except psycopg2.Error as failure:
        check(failure.pgcode == "22012", failure.pgcode)
    connection.rollback()
    check(query(connection, "select 1") == 1, "the session is not usable")
    connection.close()


def copy():
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("create temp table t (id int, text text)")
        cursor.copy_expert("copy t from stdin", io.StringIO(LINES))
        out = io.StringIO()
        cursor.copy_expert("copy t to stdout", out)
    check(out.getvalue() == LINES, "other lines came out")
    connection.close()


def large_result():
    connection = connect()
    check(len(query(connection, BIG)) == BIG_BYTES, "not the whole value")
    connection.close()


def cancel():
    connection = connect()
    ended = threading.Event()

    def canceller():
        while not ended.wait(0.3):
            connection.cancel()

    thread = threading.Thread(target=canceller)
    started = time.monotonic()
    thread.start()
    try:
        query(connection, "select pg_sleep(30)")
        raise AssertionError("not cancelled")
    except psycopg2.Error as failure:
        check(failure.pgcode == "57014", failure.pgcode)
    finally:
        ended.set()
        thread.join()
    check(time.monotonic() - started < 10, "too late")
    connection.close()


def notify():
    listener, sender = connect(), connect()
    for connection in (listener, sender):
        connection.set_session(autocommit=True)
    listener.cursor().execute("listen news")
    sender.cursor().execute("notify news, 'hello'")
    check(select.select([listener], [], [], 10)[0], "no notification in time")
    listener.poll()
    check([n.payload for n in listener.notifies] == ["hello"], "another notification")
    listener.close()
    sender.close()


def pipeline():
    raise Limit("psycopg2 has no pipeline mode; psycopg 3 has")


def large_token():
    connection = connect(LARGE)
    check(query(connection, "select session_user") == USER, "another role")
    connection.close()


def is_refused(password):
    try:
        connect(password)
    except psycopg2.OperationalError as failure:
        return refused(failure.pgcode, str(failure))
    raise AssertionError("logged in")


class FreshTokenPool(psycopg2.pool.ThreadedConnectionPool):
    """Asks for a token whenever it opens a connection."""

    def __init__(self, token, *args, **kwargs):
        self._token = token
        super().__init__(*args, **kwargs)

    def _connect(self, key=None):
        self._kwargs["password"] = self._token()
        return super()._connect(key)


def fresh_token():
    token = FreshTokens()
    pool = FreshTokenPool(
        token,
        0,
        2,
        host=HOST,
        port=PORT,
        dbname=DATABASE,
        user=USER,
        application_name=APPLICATION,
        sslmode="verify-full",
        sslrootcert=CA,
    )
    connections = [pool.getconn(), pool.getconn()]
    pids = {query(connection, "select pg_backend_pid()") for connection in connections}
    check(len(pids) == 2 and token.are_used, "not two connections by two tokens")
    pool.closeall()


libpq = psycopg2.extensions.libpq_version()
version(f"psycopg2 {psycopg2.__version__.split()[0]}, libpq {libpq // 10000}.{libpq % 10000}")
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
