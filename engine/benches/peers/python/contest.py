"""What every contestant in Python says and hears: one line of JSON for one line of text."""

import json
import statistics
import sys
import time


async def serve(name, scenarios):
    """Answers `SCENARIO COUNT` until the input ends."""
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        scenario, count = line.split()
        work = scenarios.get(scenario)
        if work is None:
            answer = {"unsupported": f"no `{scenario}`"}
        else:
            answer = {"value": await work(int(count))}
        print(json.dumps(answer), flush=True)


async def seconds(awaitable):
    """How long something takes."""
    began = time.perf_counter()
    await awaitable
    return time.perf_counter() - began


async def median_ms(make, count):
    """The median of so many pieces of work, one after the other, in milliseconds."""
    return statistics.median([await seconds(make()) for _ in range(count)]) * 1e3
