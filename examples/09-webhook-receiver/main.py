"""A receiver of webhooks in Python: takes events that are signed with its secret, and answers 400 to anything else.

    python3 -m venv .venv && .venv/bin/pip install -r examples/python/requirements.txt
    WEBHOOK_SECRET=whsec_… .venv/bin/python examples/09-webhook-receiver/main.py [PORT]

An event may arrive twice, always under the same webhook-id: a real receiver remembers the ids that it has seen.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            # Of the body as it came: what is parsed and written again has another signature.
            event = webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):
            self.send_response(400)
        else:
            print(event["type"], event["data"]["key"], flush=True)
            self.send_response(204)
        self.end_headers()


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8080), Receiver)
print("listening on", server.server_port, flush=True)
server.serve_forever()
