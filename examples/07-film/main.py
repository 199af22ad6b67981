"""The plan of film.yaml from Python, by the documented names alone: the plain Temporal SDK, no code of this project.

    python3 -m venv .venv && .venv/bin/pip install -r examples/python/requirements.txt
    .venv/bin/python examples/07-film/main.py [KEY [CHOICE]]

Needs Temporal and a worker, as example 01 says.
"""

import asyncio
import os
import pathlib
import sys
import uuid

import yaml
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

PLAN = yaml.safe_load(pathlib.Path(__file__).with_name("film.yaml").read_text(encoding="utf-8"))
ENDS = {"succeeded", "partial", "failed", "cancelled", "timed_out"}


async def start(client: Client, key: str) -> WorkflowHandle:
    """Starts the pipeline of this key, or attaches to it: with these two policies nothing is ordered twice."""
    try:
        return await client.start_workflow(
            "runcomfyPipeline",
            {"plan": PLAN, "params": {"scene": "A lighthouse on a cliff"}},
            id=key,
            task_queue="runcomfy",
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            result_type=dict,
        )
    except WorkflowAlreadyStartedError:
        return client.get_workflow_handle(key, result_type=dict)


async def decide(film: WorkflowHandle, choice: int) -> None:
    """Waits until a step awaits a decision, and approves one of its choices."""
    while True:
        state = await film.query("state")
        waiting = [step for step in state["steps"] if step["phase"] == "awaiting_decision"]
        if waiting:
            [step] = waiting
            print("choices", len(step["approval"]["choices"]))
            decision = {"step": step["id"], "decision": "approve", "choose": choice, "by": "example 07"}
            reply = await film.execute_update("decide", decision)
            print("decided, phase", reply["phase"])
            return
        if state["phase"] in ENDS:
            return
        await asyncio.sleep(0.5)


async def main(key: str, choice: int) -> int:
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    film = await start(client, key)
    print("key", key)
    await decide(film, choice)
    try:
        result = await film.result()
    except WorkflowFailureError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        # Branch on the type; the first detail says what became of each step.
        details = error.cause.details[0]
        print("failed", error.cause.type, {name: step["phase"] for name, step in details["steps"].items()})
        return 1
    for name, url in result["outputs"].items():
        print(name, url)
    print("cost", result["costUsd"])
    return 0


if __name__ == "__main__":
    words = dict(enumerate(sys.argv[1:]))
    code = asyncio.run(main(words.get(0, f"python-{uuid.uuid4()}"), int(words.get(1, 0))))
    # The SDK's threads may crash an interpreter that shuts down right after a call: leave without its finalization.
    sys.stdout.flush()
    os._exit(code)
