import threading
import time

import psycopg
import sqlalchemy
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from steps import *


def engine(password=PASSWORD, **more):
    url = URL.create(
        "postgresql+psycopg",
        username=USER,
        password=password,
        host=HOST,
        port=PORT,
        database=DATABASE,
        query={
            "sslmode": "verify-full",
            "sslrootcert": CA,
            "application_name": APPLICATION,
            "connect_timeout": "10",
        },
    )
    return create_engine(url, **more)


ENGINE = engine(pool_pre_ping=True)


def connects():
    with ENGINE.connect() as connection:
        check(connection.scalar(text("select session_user")) == USER, "another role")


def server_parameters():
    with ENGINE.connect() as connection:
        info = connection.connection.driver_connection.info
        return parameters([info.parameter_status(name) for name in PARAMETERS])


def transaction():
    with ENGINE.connect() as connection:
        with connection.begin():
            connection.execute(text("create temp table t (id int)"))
        with connection.begin():
            connection.execute(text("insert into t values (:id)"), [{"id": 1}])
        rolled_back = connection.begin()
        connection.execute(text("insert into t values (:id)"), [{"id": 2}])
        rolled_back.rollback()
        count = connection.scalar(text("select count(*) from t"))
        check(count == 1, "commit or rollback did not hold")


def error():
    with ENGINE.connect() as connection:
        try:
            connection.execute(text("select 1/0"))
        except DBAPIError as failure:
            check(failure.orig.sqlstate == "22012", failure.orig.sqlstate)
        connection.rollback()
        check(connection.scalar(text("select 1")) == 1, "the session is not usable")


def copy():
    with ENGINE.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute("create temp table c (id int, text text)")
        with cursor.copy("copy c from stdin") as into:
            into.write(LINES)
        with cursor.copy("copy c to stdout") as out:
            copied = b"".join(bytes(part) for part in out)
        check(copied.decode() == LINES, "other lines came out")
    return "by the driver's own cursor"


def large_result():
    with ENGINE.connect() as connection:
        check(len(connection.scalar(text(BIG))) == BIG_BYTES, "not the whole value")


def cancel():
    with ENGINE.connect() as connection:
        driver_connection = connection.connection.driver_connection
        ended = threading.Event()

        def canceller():
            while not ended.wait(0.3):
                driver_connection.cancel_safe(timeout=5)

        thread = threading.Thread(target=canceller)
        started = time.monotonic()
        thread.start()
        try:
            connection.execute(text("select pg_sleep(30)"))
            raise AssertionError("not cancelled")
        except DBAPIError as failure:
            check(failure.orig.sqlstate == "57014", failure.orig.sqlstate)
        finally:
            ended.set()
            thread.join()
        check(time.monotonic() - started < 10, "too late")
    return "by the driver's own connection"


def notify():
    with engine(isolation_level="AUTOCOMMIT").connect() as listener, ENGINE.begin() as sender:
        listener.execute(text("listen news"))
        sender.execute(text("notify news, 'hello'"))
        sender.commit()
        driver_connection = listener.connection.driver_connection
        received = [n.payload for n in driver_connection.notifies(timeout=10, stop_after=1)]
        check(received == ["hello"], f"{received}")
    return "by the driver's own connection"


def pipeline():
    # Within psycopg's pipeline() a cursor has no description yet when SQLAlchemy reads it.
    raise Limit("SQLAlchemy reads each result before it sends the next statement")


def large_token():
    with engine(LARGE).connect() as connection:
        check(connection.scalar(text("select session_user")) == USER, "another role")


def is_refused(password):
    try:
        engine(password).connect()
    except OperationalError as failure:
        return refused(failure.orig.sqlstate, str(failure.orig))
    raise AssertionError("logged in")


def fresh_token():
    token = FreshTokens()
    pooled = engine(password=None, pool_size=2, max_overflow=0)

    @event.listens_for(pooled, "do_connect")
    def supply_token(dialect, record, args, parameters):
        parameters["password"] = token()

    with pooled.connect() as one, pooled.connect() as other:
        pids = {c.scalar(text("select pg_backend_pid()")) for c in (one, other)}
    check(len(pids) == 2 and token.are_used, "not two connections by two tokens")


version(f"SQLAlchemy {sqlalchemy.__version__}, psycopg {psycopg.__version__}")
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
