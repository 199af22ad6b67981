"""The same from Python: a workflow of another namespace that calls a generation by Nexus, with the plain Temporal SDK.

    python3 -m venv .venv && .venv/bin/pip install -r examples/python/requirements.txt
    TEMPORAL_NAMESPACE=posters .venv/bin/python examples/08-another-namespace/main.py [KEY [ENDPOINT [PROMPT]]]

Needs a worker with RUNCOMFY_NEXUS=on, the namespace posters and an endpoint, as main.ts says.
"""

import asyncio
import os
import sys
import uuid

import nexusrpc
from temporalio import workflow
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, NexusOperationError
from temporalio.worker import Worker


@nexusrpc.service(name="runcomfy")
class RunComfy:
    """Names are those of the TypeScript service; inputs and outputs are JSON."""

    generate: nexusrpc.Operation[dict, dict]
    state: nexusrpc.Operation[dict, dict]
    cancel: nexusrpc.Operation[dict, dict]


def generation_failure_of(error: BaseException | None) -> ApplicationError | None:
    """The generation's own failure: the first cause that is neither Nexus' nor the wrapping of the SDK."""
    while error is not None:
        if isinstance(error, ApplicationError) and error.type != "OperationError":
            return error
        error = error.__cause__
    return None


@workflow.defn(name="posterByPython")
class Poster:
    @workflow.run
    async def run(self, endpoint: str, key: str, prompt: str) -> str:
        runcomfy = workflow.create_nexus_client(service=RunComfy, endpoint=endpoint)
        model = "blackforestlabs/flux-2-klein/4b/text-to-image"
        order = {"key": key, "model": model, "input": {"prompt": prompt} if prompt else {}}
        try:
            result = await runcomfy.execute_operation(RunComfy.generate, order)
        except NexusOperationError as error:
            failure = generation_failure_of(error)
            if failure is None:
                raise
            # What a workflow raises that is no failure of Temporal's stalls it. A key that is in use has no submission.
            details = failure.details[0] if failure.details else {}
            return f"failed {failure.type} {details.get('submission', '')}".rstrip()
        return next(iter(result["output"]["images"]), "")


async def main(key: str, endpoint: str, prompt: str) -> None:
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    async with Worker(client, task_queue="posters-by-python", workflows=[Poster]):
        url = await client.execute_workflow(
            Poster.run, args=[endpoint, key, prompt], id=str(uuid.uuid4()), task_queue="posters-by-python"
        )
    print("poster", url)


if __name__ == "__main__":
    given = sys.argv[1:]
    key, endpoint, prompt = given + [f"poster-{uuid.uuid4()}", "runcomfy", "A lighthouse at dusk"][len(given) :]
    asyncio.run(main(key, endpoint, prompt))
    # The SDK's threads may crash an interpreter that shuts down right after a call: leave without its finalization.
    sys.stdout.flush()
    os._exit(0)
