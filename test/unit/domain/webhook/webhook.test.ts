import { describe, expect, it } from 'vitest';
import { parseGenerationRequest } from '../../../../domain/request.ts';
import { problemsOfWebhookOrder } from '../../../../domain/webhook/webhook-request.ts';
import { nextAttemptInMs, retryStepsMs, withoutQuery } from '../../../../domain/webhook/webhook.ts';

const order = { model: 'kling/kling-3.0/standard/image-to-video', input: { prompt: 'a cat' } };
const webhook = { url: 'https://hooks.example/in?token=1', secret: 'acme' };

function issuesOf(given: unknown): { path: string; message: string }[] {
  const parsed = parseGenerationRequest({ ...order, webhook: given });
  return parsed.ok ? [] : parsed.issues;
}

describe('the webhook of a request', () => {
  it.each([
    webhook,
    { ...webhook, events: ['generation.failed'] },
    { ...webhook, events: null },
    { url: 'http://receiver:8080/', secret: 'a.b_c-1' },
    { url: 'https://hooks.example', secret: 'acme' },
  ])('is taken as it is: %j', (given) => {
    expect(issuesOf(given)).toEqual([]);
  });

  it('is told every problem of at once', () => {
    const paths = issuesOf({ url: 'ftp://x', secret: '', events: ['generation.started'], retries: 3 }).map(
      ({ path }) => path,
    );
    expect(paths).toEqual([
      'request.webhook.retries',
      'request.webhook.url',
      'request.webhook.secret',
      'request.webhook.events',
    ]);
  });

  it.each([
    'https://user:p@h.example/',
    'https://h.example/#part',
    'https://h.example\\@evil.example/',
    'https:///h.example',
    'https:h.example',
    ' https://h.example/',
    'https://h.example/\n',
    'https://hß.example/',
    `https://h.example/${'x'.repeat(2_048)}`,
    'javascript:alert(1)',
    7,
    null,
  ])('is refused with the URL %j', (url) => {
    expect(issuesOf({ ...webhook, url }).map(({ path }) => path)).toEqual(['request.webhook.url']);
  });

  it.each([[[]], [['generation.failed', 'generation.failed']], [{}], ['generation.failed'], [[1]]])(
    'is refused with the events %j',
    (events) => {
      expect(issuesOf({ ...webhook, events }).map(({ path }) => path)).toEqual(['request.webhook.events']);
    },
  );

  it('repeats neither a secret that was given for its name nor the query of the URL', () => {
    const secret = 'whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0';
    const issues = issuesOf({ url: 'https://h.example/?planted=1#x', secret });
    expect(issues).toHaveLength(2);
    expect(JSON.stringify(issues)).not.toMatch(/planted|c2VjcmV0/);
  });
});

describe('the order of a delivery', () => {
  it('is judged whatever any service sends', () => {
    const body = { type: 'generation.failed', timestamp: '2026-11-26T05:00:00.000Z', data: {} };
    expect(problemsOfWebhookOrder({ ...webhook, webhookId: 'evt_1_generation.failed', body })).toEqual([]);
    expect(problemsOfWebhookOrder(undefined)).toHaveLength(1);
    const bad = problemsOfWebhookOrder({ webhookId: 'a\r\nb', url: 'x', secret: 1, body: { type: 'other' } });
    expect(bad.map(({ path }) => path)).toEqual(['order.webhookId', 'order.url', 'order.secret', 'order.body']);
  });
});

describe('the schedule', () => {
  it('has seven steps after the first attempt, each give or take 10 %, and no eighth', () => {
    for (const [step, stepMs] of retryStepsMs.entries()) {
      expect(nextAttemptInMs(step, 0)).toBe(Math.round(stepMs * 0.9));
      expect(nextAttemptInMs(step, 0.5)).toBe(stepMs);
      expect(nextAttemptInMs(step, 1 - 1e-9)).toBeLessThanOrEqual(stepMs * 1.1);
    }
    expect(retryStepsMs).toHaveLength(7);
    expect(nextAttemptInMs(7, 0.5)).toBeUndefined();
  });

  it('waits as long as the receiver asks where that is longer', () => {
    expect(nextAttemptInMs(0, 0.5, 60_000)).toBe(60_000);
    expect(nextAttemptInMs(2, 0.5, 60_000)).toBe(1_800_000);
  });
});

it('a URL is shown without its query', () => {
  expect(withoutQuery('https://h.example/a?b=c')).toBe('https://h.example/a');
});
