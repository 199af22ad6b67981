import { describe, expect, it } from 'vitest';
import type { PipelineDeps } from '../../../../activities/pipeline/pipeline-deps.ts';
import { createSettleGeneration } from '../../../../activities/pipeline/settle-generation.ts';
import type { GenerationQuestion } from '../../../../domain/pipeline/pipeline-activities.ts';
import type { KeyStanding } from '../../../../plans/deciding/parts.ts';
import { flux } from '../../../support/simulator-client.ts';

const input = { prompt: 'a cat' };

/** Settles an order where of all keys this one alone is known. */
function settle(known: string, standing: KeyStanding, more: Partial<GenerationQuestion>) {
  const generations = {
    standingOf: (key: string) => Promise.resolve(key === known ? standing : { kind: 'unknown' as const }),
    orderOf: () => Promise.resolve({ model: flux, input }),
  };
  const deps = { generations, isGone: () => Promise.resolve(false) } as unknown as PipelineDeps;
  return createSettleGeneration(deps)({ model: flux, input, key: known, ...more });
}

describe('the key of a generation that a workflow orders', () => {
  const failure = { type: 'GenerationFailed', message: 'no', submission: 'accepted' } as const;
  const long = 'k'.repeat(254);

  it('is refused where that of its further attempt is longer than every database keeps', async () => {
    const failed = { kind: 'failed', failure } as const;
    expect(await settle(long, failed, { orderAgain: true })).toEqual({
      kind: 'refused',
      message: expect.stringMatching(/^its key has 256 characters and may have 255: .*; take a shorter one$/) as string,
    });
    expect(await settle('k'.repeat(253), failed, { orderAgain: true })).toMatchObject({
      kind: 'order',
      key: `${'k'.repeat(253)}~2`,
    });
  });

  it('is followed and ordered anew by its own name, however long', async () => {
    const key = `${long}k`;
    expect(await settle(key, { kind: 'failed', failure }, {})).toMatchObject({ kind: 'attach', key });
    expect(await settle(key, { kind: 'unbilled', runId: 'run-1', failure }, {})).toMatchObject({ kind: 'order', key });
  });
});
