"""Five hundred stills as one batch from Python, by the documented names alone: the plain Temporal SDK, no code of this project.

    python3 -m venv .venv && .venv/bin/pip install -r examples/python/requirements.txt
    .venv/bin/python examples/12-stills-from-python.py [KEY [COUNT]]

Needs Temporal and a worker, as example 01 says. Run again with the same key it attaches, and orders nothing.
"""

import asyncio
import os
import sys
import uuid

from temporalio.client import Client, WorkflowHandle
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import WorkflowAlreadyStartedError


async def start(client: Client, key: str, count: int) -> WorkflowHandle:
    """Starts the batch of this key, or attaches to it; up to 1,000 items go along, more are added by update `add`."""
    prompts = [f"A lighthouse, {at} minutes after sunset" for at in range(count)]
    request = {
        "items": [{"id": f"still-{at}", "input": {"prompt": prompt}} for at, prompt in enumerate(prompts)],
        "defaults": {"model": "blackforestlabs/flux-2-klein/4b/text-to-image"},
        "window": 50,
        "maxCostUsd": 20,
    }
    try:
        return await client.start_workflow(
            "runcomfyBatch",
            request,
            id=key,
            task_queue="runcomfy",
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            # Interactive orders, of priority 3, go first.
            priority=Priority(priority_key=4),
            result_type=dict,
        )
    except WorkflowAlreadyStartedError:
        return client.get_workflow_handle(key, result_type=dict)


async def lines_of(client: Client, key: str, pages: int) -> list[dict]:
    """The lines of a batch that has ended, one for each item: every page is the result of a workflow."""
    lines = []
    for page in range(pages):
        written = client.get_workflow_handle(f"runcomfy-batch-page:{key}:results-{page}", result_type=dict)
        lines += (await written.result())["lines"]
    return lines


async def main(key: str, count: int) -> int:
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    batch = await start(client, key, count)
    print("key", key)
    result = await batch.result()
    counts = result["counts"]
    print(f"{result['phase']}: {counts['succeeded']} of {counts['total']} for ${result['money']['spentUsd']}")
    for line in await lines_of(client, key, result["resultPages"]):
        # A line that would be too long is cut to its id, status and cost: the rest is under its key.
        images = line.get("output", {}).get("images", [])
        print(line["id"], *(images[:1] or [line.get("error", {}).get("type", line["status"])]))
    return 0 if result["phase"] == "succeeded" else 1


if __name__ == "__main__":
    words = dict(enumerate(sys.argv[1:]))
    code = asyncio.run(main(words.get(0, f"python-{uuid.uuid4()}"), int(words.get(1, 500))))
    # The SDK's threads may crash an interpreter that shuts down right after a call: leave without its finalization.
    sys.stdout.flush()
    os._exit(code)
