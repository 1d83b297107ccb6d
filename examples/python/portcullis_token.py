"""Tokens for the connections of a program, by running `portcullis token`."""

import asyncio
import json
import subprocess
import threading
import time
from concurrent.futures import Future
from datetime import datetime, timezone

COMMAND_SECONDS = 60
# A token that has less left than this is not used for another connection.
MOST_SPARE_SECONDS = 30


class NoToken(Exception):
    """What `portcullis token` said instead of a token, which has none in it."""


class Token:
    """Called, it returns a token that is good; the command runs once for all threads that want one at the same time."""

    def __init__(self, profile=None):
        self._arguments = [] if profile is None else ["--profile", profile]
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._flight = None

    def __call__(self):
        with self._lock:
            if time.time() < self._renew_at:
                return self._token
            flight = self._flight
            if flight is None:
                mine = self._flight = Future()
        if flight is not None:
            return flight.result()
        try:
            token, expires_at = self._run()
        except BaseException as problem:
            self._land()
            mine.set_exception(problem)
            raise
        spare = min(MOST_SPARE_SECONDS, (expires_at - time.time()) / 2)
        self._land(token, expires_at - spare)
        mine.set_result(token)
        return token

    async def for_asyncio(self):
        """The same, without holding up the event loop."""
        return await asyncio.to_thread(self)

    def _land(self, token="", renew_at=0.0):
        with self._lock:
            self._token, self._renew_at, self._flight = token, renew_at, None

    def _run(self):
        command = ["portcullis", "token", "--format", "json", "--no-interaction", *self._arguments]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise NoToken(f"portcullis token: {problem}") from None
        if done.returncode != 0:
            raise NoToken(done.stderr.strip())
        answer = json.loads(done.stdout)
        expires_at = datetime.strptime(answer["expires_at"], "%Y-%m-%dT%H:%M:%S.%fZ")
        return answer["token"], expires_at.replace(tzinfo=timezone.utc).timestamp()
