import asyncpg

from portcullis_token import Token

token = Token()


def open_pool(**options):
    """`password` is called, and waited for, for each connection."""
    return asyncpg.create_pool(password=token.for_asyncio, **options)
