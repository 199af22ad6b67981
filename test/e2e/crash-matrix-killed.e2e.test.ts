import { expect, it } from 'vitest';
import { createStack, jobsNamed } from '../support/generation-stack.ts';
import { startWorkerProcess, until } from '../support/processes.ts';
import {
  boundaries,
  boundaryRules,
  expectBilledAtMostOnce,
  expectGoodEnd,
  releaseAll,
  sendBoundaries,
  standAt,
} from './crash-boundaries.ts';

it('bills at most once when the worker is killed at every boundary, and ends well by itself outside the send window', async () => {
  const stack = await createStack({ simulator: { faults: boundaryRules } });
  const worker = await startWorkerProcess(stack.settings);
  const standing = await standAt(stack, boundaries);
  await worker.kill9();
  const [inFlight, others] = [true, false].map((isSend) =>
    standing.filter(({ boundary }) => sendBoundaries.includes(boundary) === isSend),
  );
  releaseAll(stack, standing);
  await startWorkerProcess(stack.settings);

  await expectGoodEnd(stack, others ?? []);
  const [hold, fail, resubmit] = ['hold', 'fail', 'resubmit'].map((policy) =>
    inFlight?.find(({ boundary }) => boundary.policy === policy),
  );
  if (!hold || !fail || !resubmit) throw new Error('a policy is missing');
  await expect(fail.generation.result()).rejects.toMatchObject({
    type: 'SubmitOutcomeUnknown',
    submission: 'unknown',
    phase: 'submission_unknown',
  });
  // The caller accepted a second bill in words.
  expect((await resubmit.generation.result()).output.images).toHaveLength(1);
  expect(jobsNamed(stack.simulator, resubmit.name)).toHaveLength(2);
  const held = await until('the submission is held', async () => {
    const state = await hold.generation.state();
    // Without a worker's answer the phase is all that is known.
    return state.phase === 'submission_unknown' && state.isFromServer !== true && state;
  });
  expect(held).toMatchObject({ submission: 'unknown', evidence: { sentAt: expect.any(String) as string } });
  const [lost] = jobsNamed(stack.simulator, hold.name);
  await hold.generation.resolveSubmission({ action: 'adopt', requestId: lost?.id ?? '' });
  expect((await hold.generation.result()).requestId).toBe(lost?.id);

  expectBilledAtMostOnce(stack, standing);
  await stack.checkAll(standing.map(({ generation }) => generation.key));
});
