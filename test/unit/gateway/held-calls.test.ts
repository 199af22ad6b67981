import type { Client } from '@temporalio/client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CancelOptions } from '../../../client/index.ts';
import type { Phase } from '../../../domain/generation.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { createGenerationReader } from '../../../gateway/generations/read-generations.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

const startedAt = '2026-11-27T00:00:00.000Z';

describe('a call that was held before', () => {
  /** Its callers are known only so many milliseconds after each call came. */
  const slowAccess = (heldMs: () => number) => {
    const now = performance.now.bind(performance);
    let aheadMs = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs);
    onTestFinished(() => {
      clock.mockRestore();
    });
    const authenticate: typeof anonymousAccess.authenticate = (request) => {
      aheadMs += heldMs();
      return anonymousAccess.authenticate(request);
    };
    return { ...anonymousAccess, authenticate };
  };

  it.each(['v1/requests', 'api/v1/generations', 'api/v1/pipelines', 'api/v1/batches'])(
    'listens to a cancel so much shorter: /%s',
    async (kind) => {
      const asked: CancelOptions[] = [];
      const cancel = (_: unknown, options: CancelOptions) => {
        asked.push(options);
        return Promise.resolve({ outcome: 'cancelled', phase: 'cancelled', items: {}, steps: [] });
      };
      const many = { get: (key: string) => Promise.resolve({ key, cancel }) };
      const generations = { ...many, pipelines: many, batches: many };
      const url = await serve(
        slowAccess(() => 40_000),
        { generations },
      );
      expect((await call(url, `/${kind}/k/cancel`, { method: 'POST' })).status).toBeLessThan(300);
      expect(asked[0]?.timeoutMs).toBeLessThanOrEqual(5_000);
    },
  );

  it.each(['status', 'result'])('is told by then what is known, however Temporal hangs: /%s', async (what) => {
    let heldMs = 0;
    const client = { withDeadline: (_: number, ask: () => unknown) => ask() } as unknown as Client;
    const describe = (_: unknown, key: string) =>
      heldMs === 0 && key === 'k'
        ? Promise.resolve({ key, runId: 'r', model: flux, startedAt, phase: 'in_progress' as const })
        : new Promise<never>(() => undefined);
    const reader = createGenerationReader(client, { describe, listOpen: () => Promise.resolve(undefined) });
    const url = await serve(
      slowAccess(() => heldMs),
      { reader },
    );
    expect(await call(url, '/v1/requests/k/status')).toMatchObject({ status: 200 });
    heldMs = 18_000;
    expect(await call(url, `/v1/requests/k/${what}`)).toMatchObject({
      status: 200,
      json: { status: 'in_progress' },
      headers: { age: expect.stringMatching(/^\d+$/) },
    });
    expect(await call(url, `/v1/requests/other/${what}`)).toMatchObject({
      status: 503,
      json: { error_code: 503001 },
      headers: { 'retry-after': '2' },
    });
  });

  it.each(['status', 'result'])(
    'is told of an order that never said where it stands, without a worker: /%s',
    async (what) => {
      const client = { withDeadline: (_: number, ask: () => unknown) => ask() } as unknown as Client;
      const describe = (_: unknown, key: string, { unsaidPhase }: { unsaidPhase?: Phase | undefined } = {}) =>
        unsaidPhase === undefined
          ? new Promise<never>(() => undefined)
          : Promise.resolve({ key, runId: 'r', model: flux, startedAt, phase: unsaidPhase });
      const reader = createGenerationReader(client, { describe, listOpen: () => Promise.resolve(undefined) });
      const url = await serve(
        slowAccess(() => 16_000),
        { reader },
      );
      expect(await call(url, `/v1/requests/k/${what}`)).toMatchObject({ status: 200, json: { status: 'in_queue' } });
    },
  );

  it('is told by then what the catalogue said last, however RunComfy hangs', async () => {
    let heldMs = 0;
    const model = () => (heldMs === 0 ? Promise.resolve('{}') : new Promise<never>(() => undefined));
    const url = await serve(
      slowAccess(() => heldMs),
      { catalogue: { model } },
    );
    expect(await call(url, '/v1/models/a/b')).toMatchObject({ status: 200 });
    heldMs = 40_000;
    expect(await call(url, '/v1/models/a/b')).toMatchObject({
      status: 200,
      headers: { age: expect.stringMatching(/^4\d$/) as string },
    });
    expect(await call(url, '/v1/models/a/other')).toMatchObject({ status: 503 });
  });
});
