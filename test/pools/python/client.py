import json
import os
import threading
import time

from psycopg_pool_example import open_pool

CONNECTIONS = 20
LIFETIME = float(os.environ["POOLS_LIFETIME_SECONDS"])
SLEEP = float(os.environ["POOLS_QUERY_SECONDS"])

lock = threading.Lock()
queries = 0
failures = []


def work(pool, end):
    global queries
    while time.monotonic() < end:
        try:
            with pool.connection() as connection:
                connection.execute("select pg_sleep(%s)", (SLEEP,))
            with lock:
                queries += 1
        except Exception as failure:
            with lock:
                failures.append(str(failure))


with open_pool(min_size=CONNECTIONS, max_size=CONNECTIONS, max_lifetime=LIFETIME) as pool:
    end = time.monotonic() + float(os.environ["POOLS_SECONDS"])
    workers = [threading.Thread(target=work, args=(pool, end)) for _ in range(CONNECTIONS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
print(json.dumps({"queries": queries, "failures": failures}))
