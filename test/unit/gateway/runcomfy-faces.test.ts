import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import type { DescribedGeneration } from '../../../client/operator/index.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { createGenerationReader } from '../../../gateway/generations/read-generations.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

const startedAt = '2026-11-27T00:00:00.000Z';

it('what one gateway says is completed has its result at any other', async () => {
  let truth: Pick<DescribedGeneration, 'phase' | 'ending'> = { phase: 'in_progress' };
  const client = { withDeadline: (_: number, ask: () => unknown) => ask() } as unknown as Client;
  const oneMore = () =>
    serve(anonymousAccess, {
      reader: createGenerationReader(client, {
        describe: (_, key) => Promise.resolve({ key, runId: 'r', model: flux, startedAt, ...truth }),
        listOpen: () => Promise.resolve(undefined),
      }),
    });
  const [one, other] = [await oneMore(), await oneMore()];
  expect(await call(other, '/v1/requests/k/status')).toMatchObject({ json: { status: 'in_progress' } });
  const result = { output: { images: ['https://a.example/1.png'], videos: [], audios: [], texts: [] } };
  truth = { phase: 'succeeded', ending: { result: result as never } };
  expect(await call(one, '/v1/requests/k/status')).toMatchObject({ json: { status: 'completed' } });
  expect(await call(other, '/v1/requests/k/result')).toMatchObject({ json: { status: 'succeeded' } });
});

it.each<[first: string, told: object]>([
  ['unknown', { status: 202, json: { status: 'completed', outcome: 'not_cancellable' } }],
  ['not_cancellable', { status: 202, json: { status: 'completed', outcome: 'not_cancellable' } }],
  ['cancelled', { status: 202, json: { status: 'cancelled', outcome: 'cancelled' } }],
])('a cancel after the end tells what came of the first, or that it is too late: %s', async (outcome, expected) => {
  const state = { phase: 'failed', submission: 'unknown', cancel: { outcome } };
  const seen = { key: 'k', runId: 'r', model: flux, startedAt, phase: 'failed', ending: { state } };
  const reader = { read: () => Promise.resolve(seen), refresh: () => undefined };
  const cancels = ['too_late', 'unknown'].map((answer) => ({ outcome: answer, phase: 'failed' }));
  const cancel = () => Promise.resolve(cancels.shift());
  const url = await serve(anonymousAccess, { reader, generations: { get: () => Promise.resolve({ cancel }) } });
  expect(await call(url, '/v1/requests/k/cancel', { method: 'POST' })).toMatchObject(expected);
  expect(await call(url, '/v1/requests/k/cancel', { method: 'POST' })).toMatchObject(expected);
});
