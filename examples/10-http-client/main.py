"""Orders an image by HTTP, with a client that is generated from the gateway's OpenAPI document.

    python3 -m venv .venv && .venv/bin/pip install -r examples/10-http-client/requirements.txt
    .venv/bin/openapi-python-client generate --meta none --fail-on-warning --path docs/openapi.json \
        --config examples/10-http-client/openapi-python-client.yaml --output-path examples/10-http-client/runcomfy_client
    .venv/bin/python examples/10-http-client/main.py http://127.0.0.1:8090 order-4711

Run again with the same key it orders nothing: the same result is answered.
"""

import os
import sys

from runcomfy_client import AuthenticatedClient
from runcomfy_client.api.generations import get_generation, get_result, start_generation
from runcomfy_client.models import Generation, GenerationResult, ModelInput, Problem, ProblemName, StartGeneration

_, base, key = sys.argv
# On loopback a gateway without API keys takes any.
api = AuthenticatedClient(base_url=base, token=os.environ.get("RUNCOMFY_GATEWAY_KEY", "none"), timeout=90)


def order(prompt: str) -> Generation | Problem | None:
    content = ModelInput.from_dict({"prompt": prompt})
    wanted = StartGeneration(key=key, model="blackforestlabs/flux-2-klein/4b/text-to-image", input_=content)
    return start_generation.sync(client=api, body=wanted)


started = order("a lighthouse in fog")
if not isinstance(started, Generation):
    sys.exit(f"not ordered: {started}")

result = None
while not isinstance(result, GenerationResult):
    # 202, a Generation, for as long as it runs.
    result = get_result.sync(key, client=api, prefer="wait=60")
    if result is None or isinstance(result, Problem):
        sys.exit(f"no result: {result}")
print(started.key, result.output.images[0])

other = order("something else")
assert isinstance(other, Problem) and other.name == ProblemName.KEYINUSE
print(other.name)
missing = get_generation.sync(f"{key}-never-ordered", client=api)
assert isinstance(missing, Problem)
print(missing.name)
