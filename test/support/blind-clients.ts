import { once } from 'node:events';
import { createServer, request as pass } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';

/** A model that makes images, of text alone. */
const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';

/** Answers that repeating cannot mend: a client that repeats blindly has found a fault. */
const isFault = (status: number) => [400, 422, 500].includes(status);

/** Repeats an order under its key, whatever happens to it, until it is taken; gives the id that was answered. */
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

/** A proxy that passes every call on, and cuts the connection instead of every fifth answer. */
export interface CuttingProxy {
  url: string;
  cuts: () => number;
  close: () => void;
}

/** Starts one before an origin. */
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
