"""A generation from Python, by the documented names alone: no code of this project, the plain Temporal SDK.

    python3 -m venv .venv && .venv/bin/pip install -r examples/python/requirements.txt
    .venv/bin/python examples/04-from-python.py [KEY]            # start (or attach), query, signal, await
    .venv/bin/python examples/04-from-python.py [KEY] --cancel   # the same, cancelled by update

Needs Temporal and a worker, as example 01 says. TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and profiles are read by
temporalio.envconfig.
"""

import asyncio
import json
import os
import sys
import uuid

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

REQUEST = {
    "model": "blackforestlabs/flux-2-klein/4b/text-to-image",
    "input": {"prompt": "A lighthouse at dusk, oil on canvas"},
    "deadlineMs": 30 * 60_000,
}


async def start(client: Client, key: str) -> WorkflowHandle:
    """Starts the generation of this key, or attaches to it: with these two policies never a second submit."""
    try:
        return await client.start_workflow(
            "runcomfyGeneration",
            REQUEST,
            id=key,
            task_queue="runcomfy",
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            result_type=dict,
        )
    except WorkflowAlreadyStartedError:
        # It has ended: its outcome is there to be had.
        return client.get_workflow_handle(key, result_type=dict)


async def nudge(generation: WorkflowHandle) -> None:
    """Has the status read now instead of when it is due."""
    try:
        await generation.signal("nudge")
    except RPCError as error:
        # A generation that has ended takes no signals (nor updates); queries and its outcome stay.
        if error.status != RPCStatusCode.NOT_FOUND:
            raise


async def main(key: str, should_cancel: bool) -> int:
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    generation = await start(client, key)
    print("key", key)

    state = await generation.query("state")
    print("phase", state["phase"])

    if should_cancel:
        reply = await generation.execute_update("cancel", {"reason": "asked for by Python"})
        print("cancel", reply["outcome"])
    else:
        await nudge(generation)

    try:
        result = await generation.result()
    except WorkflowFailureError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        # Branch on the type; the first detail says what is known of the request and whether anything was sent.
        details = error.cause.details[0]
        print("failed", error.cause.type, details["submission"], details.get("requestId"))
        return 1
    print("result", json.dumps(result))
    return 0


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    code = asyncio.run(main(words[0] if words else f"python-{uuid.uuid4()}", "--cancel" in sys.argv))
    # The SDK's threads may crash an interpreter that shuts down right after a call: leave without its finalization.
    sys.stdout.flush()
    os._exit(code)
