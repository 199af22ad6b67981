import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, it } from 'vitest';
import type { SubmitBeforeReset } from '../../activities/index.ts';
import { createCheckWebhook } from '../../activities/webhooks/check-webhook.ts';
import type { WebhookCheck } from '../../domain/webhook/webhook.ts';

const refused = { url: 'https://hooks.example/', secret: 'gone', key: 'order', firstExecutionRunId: 'run-1' };
const accepted = { kind: 'accepted', requestId: 'request-1', acceptedAt: '2026-11-26T05:00:00.000Z' } as const;

/** What the check answers in a run that others came before. */
async function checkAfter(before: () => Promise<SubmitBeforeReset>, target = refused) {
  const deps = {
    secretsOf: (name: string) => Promise.resolve(name === 'acme' ? ['whsec_x'] : undefined),
    allowedHosts: [],
    userAgent: 'runcomfy-temporal/test',
  };
  const check = createCheckWebhook(deps, {
    acceptedBefore: () => Promise.resolve(undefined),
    submitBeforeReset: before,
  });
  const environment = new MockActivityEnvironment(
    { workflowExecution: { workflowId: 'order', runId: 'run-2' } },
    { logger: new DefaultLogger('ERROR', () => undefined) },
  );
  return await environment.run<[typeof target], WebhookCheck, typeof check>(check, target);
}

it.each<[what: string, before: () => Promise<SubmitBeforeReset>, mayBeSubmitted: true | undefined]>([
  ['had it accepted', () => Promise.resolve(accepted), true],
  ['may have had it accepted', () => Promise.resolve({ kind: 'unknown' }), true],
  ['is not told of', () => Promise.reject(new Error('Temporal is away')), true],
  ['sent nothing', () => Promise.resolve({ kind: 'nothing' }), undefined],
])(
  'a webhook that is refused tells of an order that a run before a reset %s',
  async (_what, before, mayBeSubmitted) => {
    const answer = await checkAfter(before);
    expect(answer.issues).toMatchObject([{ path: 'request.webhook.secret' }]);
    expect(answer.mayBeSubmitted).toBe(mayBeSubmitted);
  },
);

it('a webhook that can be delivered to has nobody asked', async () => {
  const asked = () => Promise.reject(new Error('asked all the same'));
  expect(await checkAfter(asked, { ...refused, secret: 'acme' })).toEqual({ issues: [] });
});
