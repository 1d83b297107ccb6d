from psycopg_pool import ConnectionPool

from portcullis_token import Token

token = Token()


def open_pool(conninfo="", **options):
    """For every connection that the pool opens, it calls the function and so asks for a token."""
    return ConnectionPool(conninfo, kwargs=lambda: {"password": token()}, **options)
