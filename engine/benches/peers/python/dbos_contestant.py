"""DBOS for Python as a contestant: on the PostgreSQL that `postgres.sh` started, or on SQLite."""

import asyncio
import importlib.metadata
import os

from dbos import DBOS, DBOSConfig

from contest import median_ms, seconds, serve

database = os.environ.get("PEER_DATABASE", "").replace("postgres://", "postgresql+psycopg://")
where = "PostgreSQL" if database else "SQLite"
database = database or f"sqlite:///{os.environ['PEER_SCRATCH']}/dbos.sqlite"

config: DBOSConfig = {
    "name": "contestant",
    "system_database_url": database,
    "run_admin_server": False,
    "log_level": "ERROR",
}
DBOS(config=config)


@DBOS.step()
async def step(n: int) -> int:
    return n


@DBOS.workflow()
async def steps(count: int) -> int:
    for n in range(count):
        await step(n)
    return count


async def sequential(count):
    return count / await seconds(steps(count))


async def single(count):
    return await median_ms(lambda: steps(1), count)


async def together(count):
    async def all_of_them():
        await asyncio.gather(*(steps(10) for _ in range(count)))

    return count * 10 / await seconds(all_of_them())


async def main():
    DBOS.launch()
    version = importlib.metadata.version("dbos")
    scenarios = {"sequential": sequential, "single": single, "together": together}
    await serve(f"DBOS {version} for Python on {where}", scenarios)
    DBOS.destroy()


asyncio.run(main())
