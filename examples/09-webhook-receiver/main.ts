// A receiver of webhooks: takes events that are signed with its secret, and answers 400 to anything else.
//
//   WEBHOOK_SECRET=whsec_… npx tsx examples/09-webhook-receiver/main.ts [PORT]
//
// An event may arrive twice, always under the same webhook-id: a real receiver remembers the ids that it has seen.
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

const [, , port = '8080'] = process.argv;
const { WEBHOOK_SECRET: secret = '' } = process.env;
const webhook = new Webhook(secret);

const server = createServer((request, response) => {
  void buffer(request).then((body) => {
    try {
      // Of the body as it came: what is parsed and written again has another signature.
      const event = webhook.verify(body, request.headers as Record<string, string>) as {
        type: string;
        data: { key: string };
      };
      console.log(`${event.type} ${event.data.key}`);
      response.writeHead(204).end();
    } catch {
      response.writeHead(400).end();
    }
  });
});
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on ${String(typeof address === 'object' ? address?.port : address)}`);
});
