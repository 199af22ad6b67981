import { describe, expect, it } from 'vitest';
import { createDeliverWebhook } from '../../activities/webhooks/deliver-webhook.ts';
import type { WebhookBody } from '../../domain/webhook/webhook.ts';
import { goExample } from '../support/examples/examples-go.ts';
import { pythonForExamples } from '../support/examples/examples-python.ts';
import { run, type Running, until } from '../support/examples/examples.ts';
import { installHangMs } from '../support/patience.ts';
import { onTestFinished } from '../support/test-end.ts';
import { type ReceivedWebhook, startReceiver, webhookSecret } from '../support/webhook-receiver.ts';

const secret = webhookSecret(7);
const key = 'order-4711: “Köln”';
const body: WebhookBody = {
  type: 'generation.cancelled',
  timestamp: '2026-11-26T05:00:00.000Z',
  data: { key, runId: 'r', model: 'a/b', phase: 'cancelled', submission: 'not_sent' },
};

/** An event as a worker delivers it, signed now: first by a secret that the receivers lack, as while one is rotated. */
async function deliveredEvent(): Promise<ReceivedWebhook> {
  const receiver = await startReceiver();
  const deliver = createDeliverWebhook({
    secretsOf: () => Promise.resolve([webhookSecret(8), secret]),
    allowedHosts: [receiver.host],
    userAgent: 'runcomfy-temporal/test',
  });
  await deliver({ webhookId: 'evt_r_generation.cancelled', url: receiver.url, secret: 'acme', body });
  const [call] = receiver.received;
  if (call === undefined) throw new Error('The event was not delivered.');
  return call;
}

/** Starts a receiver; the URL is where it listens. */
async function startExample(program: string, args: string[]): Promise<{ url: string; example: Running }> {
  const example = run(program, [...args, '0'], { ...process.env, WEBHOOK_SECRET: secret });
  onTestFinished(async () => {
    example.kill('SIGKILL');
    await example.ended;
  });
  const port = () => /listening on (\d+)/.exec(example.output())?.[1];
  await until(() => port() !== undefined, 'the receiver listens', example.output);
  return { url: `http://127.0.0.1:${String(port())}/hooks`, example };
}

async function post(url: string, { headers }: ReceivedWebhook, raw: Uint8Array<ArrayBuffer>): Promise<number> {
  const own = Object.entries(headers).filter(([name]) => name.startsWith('webhook-') || name === 'content-type');
  const response = await fetch(url, { method: 'POST', headers: own as [string, string][], body: raw });
  return response.status;
}

const receivers = {
  Node: async () => await startExample(process.execPath, ['--import', 'tsx', 'examples/09-webhook-receiver/main.ts']),
  Go: async () => await startExample(await goExample('09-webhook-receiver'), []),
  Python: async () => await startExample(await pythonForExamples(), ['examples/09-webhook-receiver/main.py']),
};

describe('example 09, a receiver of webhooks', { timeout: installHangMs }, () => {
  it.each(Object.entries(receivers))(
    'in %s takes a delivered event, and none of which a byte was changed',
    async (_, start) => {
      const { url, example } = await start();
      const call = await deliveredEvent();
      const bytes = new TextEncoder().encode(call.raw);
      expect(await post(url, call, bytes)).toBe(204);
      await until(() => example.output().includes(`generation.cancelled ${key}`), 'the event is told', example.output);
      for (const at of [0, Math.floor(bytes.length / 2), bytes.length - 1]) {
        const changed = bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
        expect(await post(url, call, changed), `byte ${String(at)}`).toBe(400);
      }
      const { headers } = call;
      const renamed = { ...headers, 'webhook-id': 'evt_r_generation.succeeded' };
      expect(await post(url, { ...call, headers: renamed }, bytes)).toBe(400);
      expect(await post(url, { ...call, headers: {} }, bytes)).toBe(400);
    },
  );
});
