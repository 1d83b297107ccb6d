"""Two connections at once by each recipe."""

import asyncio
import json
import os
import ssl

import asyncpg_example
import psycopg_pool_example
import sqlalchemy_example
from sqlalchemy import text

QUESTION = "select session_user::text from pg_sleep(0.2)"


def psycopg_pool():
    with psycopg_pool_example.open_pool(min_size=2, max_size=2, timeout=5) as pool:
        with pool.connection() as one, pool.connection() as other:
            return [c.execute(QUESTION).fetchone()[0] for c in (one, other)]


def sqlalchemy():
    engine = sqlalchemy_example.open_engine("postgresql+psycopg://")
    with engine.connect() as one, engine.connect() as other:
        return [c.scalar(text(QUESTION)) for c in (one, other)]


async def asyncpg():
    context = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    async with asyncpg_example.open_pool(ssl=context, min_size=2, max_size=2) as pool:
        return await asyncio.gather(pool.fetchval(QUESTION), pool.fetchval(QUESTION))


for name, run in {
    "psycopg_pool": psycopg_pool,
    "SQLAlchemy": sqlalchemy,
    "asyncpg": lambda: asyncio.run(asyncpg()),
}.items():
    print(json.dumps({"recipe": name, "users": run()}), flush=True)
