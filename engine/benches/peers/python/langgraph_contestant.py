"""LangGraph as a contestant: one node in a loop, its SQLite checkpointer, each step durable."""

import asyncio
import importlib.metadata
import os
import sqlite3
import uuid
from typing import TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from contest import median_ms, seconds, serve


class State(TypedDict):
    done: int
    steps: int


def step(state: State) -> dict:
    return {"done": state["done"] + 1}


def graph(saver):
    builder = StateGraph(State)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    builder.add_conditional_edges(
        "step", lambda state: "step" if state["done"] < state["steps"] else END
    )
    return builder.compile(checkpointer=saver)


connection = sqlite3.connect(
    f"{os.environ['PEER_SCRATCH']}/langgraph.sqlite", check_same_thread=False
)
# A step that was acknowledged is on disk, as with everyone here.
connection.execute("PRAGMA synchronous=FULL")
saver = SqliteSaver(connection)
saver.setup()
loop = graph(saver)


async def steps(count):
    config = {
        "configurable": {"thread_id": str(uuid.uuid4())},
        "recursion_limit": count + 5,
    }
    loop.invoke({"done": 0, "steps": count}, config, durability="sync")


async def sequential(count):
    return count / await seconds(steps(count))


async def single(count):
    return await median_ms(lambda: steps(1), count)


async def main():
    version = importlib.metadata.version("langgraph")
    await serve(f"LangGraph {version} on SQLite", {"sequential": sequential, "single": single})


asyncio.run(main())
