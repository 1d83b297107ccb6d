"""What the clients in Python share: the settings, and one JSON line for each step."""

import json
import os
import platform
import traceback

HOST = os.environ["DRIVER_HOST"]
PORT = int(os.environ["DRIVER_PORT"])
DATABASE = os.environ["DRIVER_DATABASE"]
USER = os.environ["DRIVER_USER"]
CA = os.environ["DRIVER_CA"]
APPLICATION = os.environ["DRIVER_APPLICATION"]
PASSWORD = os.environ["DRIVER_PASSWORD"]
LARGE = os.environ["DRIVER_PASSWORD_LARGE"]
WRONG = os.environ["DRIVER_PASSWORD_WRONG"]
EXPIRED = os.environ["DRIVER_PASSWORD_EXPIRED"]

BIG_BYTES = 5_000_000
BIG = "select string_agg(repeat('x', 1000), '') from generate_series(1, 5000)"
LINES = "".join(f"{i}\tline number {i}\n" for i in range(20_000))
PARAMETERS = ("server_version", "application_name", "client_encoding", "TimeZone")


class Limit(Exception):
    """The driver has no such thing; the text says what is known about it."""


class FreshTokens:
    """Gives another token at every call, as a function that asks an identity provider would."""

    def __init__(self):
        self._tokens = [
            os.environ["DRIVER_PASSWORD_FRESH_1"],
            os.environ["DRIVER_PASSWORD_FRESH_2"],
        ]

    def __call__(self):
        return self._tokens.pop(0)

    @property
    def are_used(self):
        return not self._tokens


def parameters(values):
    return ", ".join(f"{name}={value}" for name, value in zip(PARAMETERS, values, strict=True))


def refused(sqlstate, message):
    return f"{sqlstate or 'no SQLSTATE'}: {' '.join(message.split())}"


def check(is_so, what):
    if not is_so:
        raise AssertionError(what)


def version(text):
    report("version", True, f"{text}, Python {platform.python_version()}")


def step(name, function):
    try:
        report(name, True, function() or "")
    except Limit as limit:
        report(name, None, str(limit))
    except BaseException as error:
        traceback.print_exc()
        report(name, False, f"{type(error).__name__}: {error}")


async def step_async(name, function):
    try:
        report(name, True, await function() or "")
    except Limit as limit:
        report(name, None, str(limit))
    except BaseException as error:
        traceback.print_exc()
        report(name, False, f"{type(error).__name__}: {error}")


def report(name, ok, detail):
    print(json.dumps({"step": name, "ok": ok, "detail": detail}), flush=True)
