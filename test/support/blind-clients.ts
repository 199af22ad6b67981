import { once } from 'node:events';
import { createServer, request as pass } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';

/** A text-to-image model. */
const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';

/** Statuses that a retry cannot fix: a client that retries blindly has found a bug. */
const isFault = (status: number) => [400, 422, 500].includes(status);

/**
 * Retries an order under its key until it is accepted, whatever happens to it; returns the request id of the answer.
 */
export async function orderUntilTaken(base: string, key: string, dispatcher: Dispatcher): Promise<string> {
  for (;;) {
    const answer = await postOnce(base, key, dispatcher).catch(() => undefined);
    if (answer?.status === 200) return (JSON.parse(answer.text) as { request_id: string }).request_id;
    if (answer && isFault(answer.status)) throw new Error(`${key}: ${String(answer.status)} ${answer.text}`);
    await sleep(50);
  }
}

async function postOnce(base: string, key: string, dispatcher: Dispatcher): Promise<{ status: number; text: string }> {
  const { statusCode, body } = await request(`${base}/v1/models/${model}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ prompt: key }),
    dispatcher,
  });
  return { status: statusCode, text: await body.text() };
}

/** A proxy that forwards every call, but cuts the connection instead of returning every fifth answer. */
export interface CuttingProxy {
  url: string;
  cuts: () => number;
  close: () => void;
}

/** Starts such a proxy in front of an origin. */
export async function serveCuttingProxy(target: string): Promise<CuttingProxy> {
  let answers = 0;
  let cuts = 0;
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url = '' } = incoming;
    const passed = pass(`${target}${url}`, { method, headers, agent: false }, (answer) => {
      answers += 1;
      if (answers % 5 === 0) {
        cuts += 1;
        answer.resume();
        incoming.socket.destroy();
      } else {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      }
    });
    passed.on('error', () => incoming.socket.destroy());
    incoming.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    cuts: () => cuts,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
