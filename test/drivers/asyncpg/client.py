import asyncio
import io
import ssl
import time

import asyncpg

from steps import *

SETTINGS = dict(
    host=HOST,
    port=PORT,
    database=DATABASE,
    user=USER,
    ssl=ssl.create_default_context(cafile=CA),
    server_settings={"application_name": APPLICATION},
    timeout=10,
)


async def connect(password=PASSWORD):
    return await asyncpg.connect(**SETTINGS, password=password)


async def connects():
    connection = await connect()
    check(await connection.fetchval("select session_user") == USER, "another role")
    await connection.close()


async def server_parameters():
    connection = await connect()
    settings = connection.get_settings()
    # The driver keeps what the server reports; it changes no name.
    values = [getattr(settings, name) for name in PARAMETERS]
    await connection.close()
    return parameters(values)


async def transaction():
    connection = await connect()
    await connection.execute("create temp table t (id int)")
    async with connection.transaction():
        await connection.execute("insert into t values ($1)", 1)
    rolled_back = connection.transaction()
    await rolled_back.start()
    await connection.execute("insert into t values ($1)", 2)
    await rolled_back.rollback()
    count = await connection.fetchval("select count(*) from t")
    check(count == 1, "commit or rollback did not hold")
    await connection.close()


async def error():
    connection = await connect()
    try:
        await connection.fetchval("select 1/0")
    except asyncpg.PostgresError as failure:
        check(failure.sqlstate == "22012", failure.sqlstate)
    check(await connection.fetchval("select $1::int", 1) == 1, "the session is not usable")
    await connection.close()


async def copy():
    connection = await connect()
    await connection.execute("create temp table t (id int, text text)")
    await connection.copy_to_table("t", source=io.BytesIO(LINES.encode()))
    out = io.BytesIO()
    await connection.copy_from_table("t", output=out)
    check(out.getvalue().decode() == LINES, "other lines came out")
    await connection.close()


async def large_result():
    connection = await connect()
    check(len(await connection.fetchval(BIG)) == BIG_BYTES, "not the whole value")
    await connection.close()


async def cancel():
    connection = await connect()
    started = time.monotonic()
    # A timeout is how this driver cancels: it sends a CancelRequest and waits for the server's answer.
    try:
        await connection.fetchval("select pg_sleep(30)", timeout=0.5)
        raise AssertionError("not cancelled")
    except asyncio.TimeoutError:
        pass
    check(await connection.fetchval("select 1") == 1, "the session is not usable")
    check(time.monotonic() - started < 10, "too late")
    task = asyncio.create_task(connection.fetchval("select pg_sleep(31)"))
    await asyncio.sleep(0.5)
    task.cancel()
    try:
        await task
        raise AssertionError("not cancelled")
    except asyncio.CancelledError:
        pass
    check(await connection.fetchval("select 1") == 1, "the session is not usable")
    check(time.monotonic() - started < 10, "too late")
    await connection.close()
    return "by a timeout and by cancelling the task; the driver raises its own error, not 57014"


async def notify():
    listener, sender = await connect(), await connect()
    received = asyncio.get_running_loop().create_future()
    await listener.add_listener("news", lambda *args: received.set_result(args[3]))
    await sender.execute("notify news, 'hello'")
    check(await asyncio.wait_for(received, 10) == "hello", "another notification")
    await listener.close()
    await sender.close()


async def pipeline():
    connection = await connect()
    await connection.execute("create temp table t (id int)")
    await connection.executemany("insert into t values ($1)", [(i,) for i in range(1000)])
    check(await connection.fetchval("select sum(id) from t") == 499_500, "not all of them")
    await connection.close()
    raise Limit("executemany() sends many at once; there is no pipeline mode for other statements")


async def large_token():
    connection = await connect(LARGE)
    check(await connection.fetchval("select session_user") == USER, "another role")
    await connection.close()


async def is_refused(password):
    try:
        await connect(password)
    except asyncpg.PostgresError as failure:
        hint = f" HINT: {failure.hint}" if failure.hint else ""
        return refused(failure.sqlstate, f"{failure.message}{hint}")
    raise AssertionError("logged in")


async def fresh_token():
    token = FreshTokens()

    async def password():
        return token()

    async with asyncpg.create_pool(**SETTINGS, password=password, min_size=2, max_size=2) as pool:
        async with pool.acquire() as one, pool.acquire() as other:
            pids = {await c.fetchval("select pg_backend_pid()") for c in (one, other)}
    check(len(pids) == 2 and token.are_used, "not two connections by two tokens")


async def main():
    version(f"asyncpg {asyncpg.__version__}")
    await step_async("connect", connects)
    await step_async("parameters", server_parameters)
    await step_async("transaction", transaction)
    await step_async("error", error)
    await step_async("copy", copy)
    await step_async("large-result", large_result)
    await step_async("cancel", cancel)
    await step_async("notify", notify)
    await step_async("pipeline", pipeline)
    await step_async("large-token", large_token)
    await step_async("wrong-token", lambda: is_refused(WRONG))
    await step_async("expired-token", lambda: is_refused(EXPIRED))
    await step_async("fresh-token", fresh_token)


asyncio.run(main())
