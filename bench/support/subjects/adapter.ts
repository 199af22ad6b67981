import type { IncomingMessage, ServerResponse } from 'node:http';
import { json as readJson } from 'node:stream/consumers';
import { isJsonObject, withoutUndefined } from '../../../domain/json.ts';
import { type Listener, startListener } from '../../../simulator/http/listener.ts';
import { type Meaning, order, type Protocol, type Replies } from './protocols.ts';

/** A server that speaks a peer's protocol in front of a simulator. */
export interface Adapter {
  url: string;
  outage: Listener['outage'];
  close: () => Promise<void>;
}

/**
 * Puts a peer's protocol in front of a simulator. Each call becomes one call of the same step. A refusal passes through
 * with its status, `Retry-After` and body, and a connection that breaks behind the adapter breaks in front at the same
 * place.
 */
export async function startAdapter(protocol: Protocol, modelApiBase: string): Promise<Adapter> {
  const listener = await startListener('127.0.0.1', 0, (request, response) => {
    answer(request, response).catch(() => {
      request.socket.resetAndDestroy();
    });
  });
  const url = `http://127.0.0.1:${String(listener.port)}`;
  return { url, outage: listener.outage, close: listener.close };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET' } = request;
    const body = method === 'GET' ? undefined : await readJson(request).catch(() => undefined);
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const meaning = protocol.read(method, path, body);
    if (meaning === undefined) {
      response.writeHead(404).end();
      return;
    }
    const answered = await ask(modelApiBase, meaning);
    if (answered.kind === 'refused') {
      response.writeHead(answered.status, answered.headers).end(answered.body);
      return;
    }
    const { status, json } = protocol.write(meaning, answered.kind === 'done' ? answered.replies : {}, url);
    const bytes = Buffer.from(JSON.stringify(json));
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length });
    if (answered.kind === 'done') response.end(bytes);
    else response.write(bytes.subarray(0, bytes.length / 2), () => request.socket.end());
  }
}

type Answered =
  | { kind: 'done'; replies: Replies }
  | { kind: 'refused'; status: number; headers: Record<string, string>; body: string }
  /** The reply broke off in its body. */
  | { kind: 'cut' };

async function ask(base: string, meaning: Meaning): Promise<Answered> {
  if (meaning.step === 'submit') return await call(`${base}/models/${order.model}`, meaning.input);
  const about = `${base}/requests/${meaning.requestId}`;
  if (meaning.step === 'cancel') return await call(`${about}/cancel`, {});
  const first = await call(`${about}/${meaning.step === 'result' ? 'result' : 'status'}`);
  const isOver = first.kind === 'done' && /^(completed|succeeded|failed)$/.test(first.replies.status ?? '');
  if (meaning.step !== 'poll' || !isOver) return first;
  return await call(`${about}/result`);
}

/** Rejects if no reply came at all. */
async function call(url: string, input?: unknown): Promise<Answered> {
  const response = await fetch(url, {
    headers: { authorization: 'Bearer sim-bench', 'content-type': 'application/json', connection: 'close' },
    ...(input !== undefined && { method: 'POST', body: JSON.stringify(input) }),
  });
  let text: string;
  try {
    text = await response.text();
  } catch {
    return { kind: 'cut' };
  }
  if (!response.ok) {
    const headers = Object.fromEntries(
      ['content-type', 'retry-after'].flatMap((name) => {
        const value = response.headers.get(name);
        return value === null ? [] : [[name, value]];
      }),
    );
    return { kind: 'refused', status: response.status, headers, body: text };
  }
  const reply: unknown = JSON.parse(text);
  if (!isJsonObject(reply)) return { kind: 'done', replies: {} };
  const { request_id: requestId, status, output, error } = reply;
  return {
    kind: 'done',
    replies: withoutUndefined({
      requestId: typeof requestId === 'string' ? requestId : undefined,
      status: typeof status === 'string' ? status : undefined,
      output: isJsonObject(output) ? output : undefined,
      error,
    }),
  };
}
