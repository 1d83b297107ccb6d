"""Drives the libpq that is named, with a token from memory where it asks for one, and prints JSON."""

import ctypes
import json
import os
import sys
import threading
import time

pq = ctypes.CDLL(os.environ["LIBPQ"])
pointer = ctypes.c_void_p
text = ctypes.c_char_p

for name, result, arguments in [
    ("PQconnectdb", pointer, [text]),
    ("PQstatus", ctypes.c_int, [pointer]),
    ("PQerrorMessage", text, [pointer]),
    ("PQfullProtocolVersion", ctypes.c_int, [pointer]),
    ("PQbackendPID", ctypes.c_int, [pointer]),
    ("PQexec", pointer, [pointer, text]),
    ("PQresultErrorField", text, [pointer, ctypes.c_int]),
    ("PQgetvalue", text, [pointer, ctypes.c_int, ctypes.c_int]),
    ("PQntuples", ctypes.c_int, [pointer]),
    ("PQcancelCreate", pointer, [pointer]),
    ("PQcancelBlocking", ctypes.c_int, [pointer]),
    ("PQcancelFinish", None, [pointer]),
    ("PQfinish", None, [pointer]),
]:
    function = getattr(pq, name)
    function.restype = result
    function.argtypes = arguments


class BearerRequest(ctypes.Structure):
    _fields_ = [
        ("openid_configuration", text),
        ("scope", text),
        ("async_", pointer),
        ("cleanup", pointer),
        ("token", text),
        ("user", pointer),
    ]


Hook = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, pointer, pointer)
BEARER_TOKEN = 1
asked = []
token = os.environ.get("BEARER", "").encode()


def hook(kind, _, data):
    if kind != BEARER_TOKEN or token == b"":
        return 0
    request = ctypes.cast(data, ctypes.POINTER(BearerRequest)).contents
    asked.append(
        {
            "openid_configuration": (request.openid_configuration or b"").decode(),
            "scope": (request.scope or b"").decode(),
        }
    )
    request.token = token
    return 1


kept = Hook(hook)
if hasattr(pq, "PQsetAuthDataHook"):
    pq.PQsetAuthDataHook(kept)

answer = {"asked": asked, "results": []}
connection = pq.PQconnectdb(sys.argv[1].encode())
answer["ok"] = pq.PQstatus(connection) == 0
answer["error"] = pq.PQerrorMessage(connection).decode()
if answer["ok"]:
    answer["protocol"] = pq.PQfullProtocolVersion(connection)
    for statement in sys.argv[2:]:
        timer = None
        if statement.startswith("cancel:"):
            statement = statement.removeprefix("cancel:")

            def cancel():
                request = pq.PQcancelCreate(connection)
                pq.PQcancelBlocking(request)
                pq.PQcancelFinish(request)

            timer = threading.Timer(0.3, cancel)
            timer.start()
        began = time.monotonic()
        result = pq.PQexec(connection, statement.encode())
        if timer is not None:
            timer.join()
        answer["results"].append(
            {
                "sqlstate": (pq.PQresultErrorField(result, ord("C")) or b"").decode(),
                "value": (pq.PQgetvalue(result, 0, 0) or b"").decode()
                if pq.PQntuples(result) > 0
                else None,
                "seconds": time.monotonic() - began,
            }
        )
pq.PQfinish(connection)
print(json.dumps(answer))
