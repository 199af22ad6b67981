"""A generation from Python, by the documented names alone: no code of this project, the plain Temporal SDK.

    python3 -m venv .venv && .venv/bin/pip install -r examples/python/requirements.txt
    alias generation='.venv/bin/python examples/python/main.py'
    generation order KEY [PROMPT]                            # start it, or attach to it, and await its end
    generation await KEY                                     # attach to what was started before, and await its end
    generation state KEY                                     # where it stands; answers after its end too
    generation nudge KEY                                     # have its status read now instead of when it is due
    generation cancel KEY [REASON]                           # by update; left as a signal where no worker answers
    generation resolve KEY adopt REQUEST|resubmit|abandon    # decide about a submission whose outcome is unknown

Needs Temporal and a worker, as example 01 says. TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and profiles are read by
temporalio.envconfig. Ends with 0 when the generation succeeded or the message was taken, else with 1.
"""

import asyncio
import os
import sys
from datetime import timedelta

from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, CancelledError, TemporalError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

USAGE = "usage: main.py order|await|state|nudge|cancel|resolve KEY [MORE]"


async def start(client: Client, key: str, prompt: str) -> WorkflowHandle:
    """Starts the generation of this key, or attaches to it: with these two policies never a second submit."""
    request = {
        "model": "blackforestlabs/flux-2-klein/4b/text-to-image",
        "input": {"prompt": prompt} if prompt else {},
        "deadlineMs": 30 * 60_000,
    }
    try:
        return await client.start_workflow(
            "runcomfyGeneration",
            request,
            id=key,
            task_queue="runcomfy",
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            result_type=dict,
        )
    except WorkflowAlreadyStartedError:
        # It has ended: its outcome is there to be had.
        return client.get_workflow_handle(key, result_type=dict)


async def tell_end(generation: WorkflowHandle) -> bool:
    """Tells how a generation ended, whenever that was."""
    try:
        result = await generation.result()
    except WorkflowFailureError as error:
        if isinstance(error.cause, ApplicationError):
            # Branch on the type; the first detail says what is known of the request and whether anything was sent.
            details = error.cause.details[0]
            print("failed", error.cause.type, details["submission"], details.get("requestId", ""))
            for issue in details.get("issues", []):
                print("issue", issue["path"], issue["message"])
        elif isinstance(error.cause, CancelledError):
            # Ended by the cancellation of its workflow, which carries no details.
            state = await query(generation)
            print("cancelled", state.get("cancel", {}).get("outcome", ""))
        else:
            raise
        return False
    print("succeeded", result["requestId"])
    for kind in ("images", "videos", "audios"):
        for url in result["output"][kind]:
            print("output", url)
    return True


async def query(generation: WorkflowHandle) -> dict:
    """Asks where a generation stands. Needs a worker."""
    return await generation.query("state", rpc_timeout=timedelta(seconds=15))


async def cancel(generation: WorkflowHandle, reason: str) -> bool:
    """Asks RunComfy to stop, and tells what came of it."""
    message = {"reason": reason} if reason else {}
    try:
        reply = await update(generation, "cancel", message)
        print("cancel", reply["outcome"])
        return True
    except TemporalError as error:
        if not is_not_found(error) and await leave(generation, message):
            print("cancel unknown, left for a worker")
            return True
    # A generation that has ended takes no updates and no signals; its state stays, and an unknown key has none.
    await query(generation)
    print("cancel too_late")
    return True


async def leave(generation: WorkflowHandle, message: dict) -> bool:
    """Leaves the wish where no worker answers: a signal needs none, it is stored and heard when one is back."""
    try:
        await generation.signal("cancel", message)
    except RPCError as error:
        if not is_not_found(error):
            raise
        return False
    return True


async def resolve(generation: WorkflowHandle, action: str, request_id: str) -> bool:
    """Decides about a submission whose outcome is unknown; refused unless that is so."""
    message = {"action": action, "requestId": request_id} if request_id else {"action": action}
    try:
        reply = await update(generation, "resolveSubmission", message)
    except WorkflowUpdateFailedError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        print("refused", error.cause.type, error.cause.message)
        return False
    print("phase", reply["phase"])
    if "failure" in reply:
        print("failure", reply["failure"])
    return True


async def update(generation: WorkflowHandle, name: str, message: dict) -> dict:
    """Sends an update: a worker has 15 seconds to take it, the generation two minutes to answer."""
    taken = await generation.start_update(
        name,
        message,
        wait_for_stage=WorkflowUpdateStage.ACCEPTED,
        result_type=dict,
        rpc_timeout=timedelta(seconds=15),
    )
    return await taken.result(rpc_timeout=timedelta(minutes=2))


def is_not_found(error: Exception) -> bool:
    return isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND


async def run(command: str, key: str, more: list[str]) -> bool:
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    generation = client.get_workflow_handle(key, result_type=dict)
    match command, more:
        case "order", _:
            generation = await start(client, key, more[0] if more else "A lighthouse at dusk, oil on canvas")
            print("key", generation.id, flush=True)
            return await tell_end(generation)
        case "await", []:
            return await tell_end(generation)
        case "state", []:
            state = await query(generation)
            print("phase", state["phase"])
            print("submission", state["submission"], state.get("requestId", ""))
            return True
        case "nudge", []:
            await generation.signal("nudge")
            return True
        case "cancel", _:
            return await cancel(generation, more[0] if more else "")
        case "resolve", [action, *request_id]:
            return await resolve(generation, action, "".join(request_id))
    sys.exit(USAGE)


async def main() -> int:
    if len(sys.argv) < 3:
        sys.exit(USAGE)
    try:
        return 0 if await run(sys.argv[1], sys.argv[2], sys.argv[3:]) else 1
    except TemporalError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    code = asyncio.run(main())
    # The SDK's threads may crash an interpreter that shuts down right after a call: leave without its finalization.
    sys.stdout.flush()
    os._exit(code)
