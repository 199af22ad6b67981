import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { WebhookBody } from '../../domain/webhook/webhook.ts';
import { onTestFinished } from './test-end.ts';

/** A call that a receiver got. */
export interface ReceivedWebhook {
  path: string;
  headers: IncomingHttpHeaders;
  /** The body as it came. */
  raw: string;
  body: WebhookBody;
}

export interface WebhookReceiver {
  url: string;
  /** In the form that `RUNCOMFY_WEBHOOK_ALLOW_HOSTS` takes. */
  host: string;
  received: ReceivedWebhook[];
  of: (key: string) => ReceivedWebhook[];
}

/**
 * Starts a receiver on loopback that runs until the end of the test. `answer` returns the status of each call, which is
 * held until then.
 */
export async function startReceiver(
  answer: (call: ReceivedWebhook, count: number) => number | Promise<number> = () => 204,
): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString();
      const body = JSON.parse(raw) as WebhookBody;
      const call = { path: request.url ?? '', headers: request.headers, raw, body };
      received.push(call);
      const count = received.filter((each) => each.body.data.key === body.data.key).length;
      void Promise.resolve(answer(call, count)).then((status) => response.writeHead(status).end());
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close().closeAllConnections();
  });
  const host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    url: `http://${host}/hooks`,
    host,
    received,
    of: (key) => received.filter(({ body }) => body.data.key === key),
  };
}

/** A dummy secret. */
export function webhookSecret(fill: number): string {
  return `whsec_${Buffer.alloc(32, fill).toString('base64')}`;
}

/** Indices of the secrets that signed a call, verified by the specification only. */
export function signersOf({ headers, raw }: ReceivedWebhook, secrets: readonly string[]): number[] {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${raw}`;
  const signatures = String(headers['webhook-signature']).split(' ');
  return signatures.map((signature) =>
    secrets.findIndex((secret) => {
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
      return signature === `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
    }),
  );
}

/** Writes a secrets file for a worker, removed at the end of the test. */
export async function secretsFile(secrets: Record<string, string[]>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'webhook-secrets-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'secrets.json');
  await writeFile(file, JSON.stringify(secrets), { mode: 0o600 });
  return file;
}
