import { expect, it } from 'vitest';
import type { DescribedGeneration } from '../../../client/operator/index.ts';
import type { Phase } from '../../../domain/generation.ts';
import { noEarlier } from '../../../gateway/generations/reading/no-earlier.ts';

const seen = (phase: Phase, runId = 'r'): DescribedGeneration => ({
  key: 'k',
  runId,
  model: 'a/b',
  phase,
  startedAt: '2026-11-27T00:00:00.000Z',
  state: { phase } as never,
});

it.each<[last: Phase, found: Phase, told: Phase]>([
  ['in_queue', 'submitting', 'in_queue'],
  ['in_queue', 'submission_unknown', 'in_queue'],
  ['in_progress', 'in_queue', 'in_progress'],
  ['fetching_result', 'in_progress', 'fetching_result'],
  ['fetching_result', 'submitting', 'fetching_result'],
  ['in_queue', 'in_progress', 'in_progress'],
  ['submission_unknown', 'in_queue', 'in_queue'],
  // What RunComfy has not accepted is submitted anew where somebody decides so.
  ['submission_unknown', 'submitting', 'submitting'],
])('after %s, what is found %s is told as %s', (last, found, told) => {
  const generation = noEarlier({ generation: seen(last), readAt: 0 }, seen(found), 1);
  expect([generation.phase, generation.state?.phase]).toEqual([told, told]);
});

it('lets another run of the key begin anew', () => {
  expect(noEarlier({ generation: seen('in_queue'), readAt: 0 }, seen('submitting', 'anew'), 1).phase).toBe(
    'submitting',
  );
});
