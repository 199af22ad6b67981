import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { GenerationRequest } from '../../domain/generation.ts';
import { generationInProcess } from '../support/generation-in-process.ts';
import { openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const deadlineMs = 3_600_000;
const order: GenerationRequest = { model: 'a/b', input: { prompt: 'x' }, deadlineMs };
const accepted = { requestId: 'second', submittedAt: '2026-11-27T12:00:00.000Z', nextReadInMs: 600_000 };

/** A held submission whose history is long enough for a new run, which waits for the check of an adopted id to end. */
async function adopting() {
  const doubtful = { type: 'SubmitOutcomeUnknown', details: { submission: 'unknown' as const } };
  const run = await generationInProcess(sandbox, order, {
    submits: [doubtful, { ...accepted, searchAttributes: [] }],
  });
  await run.update('resolveSubmission', { action: 'adopt', requestId: 'adopted' });
  expect(run.pending.has('checkAdoption')).toBe(true);
  run.grow();
  await run.signal('nudge');
  expect(run.end()).toBeUndefined();
  return run;
}

describe('a held generation that is to continue as new while the check of an adopted id goes on', () => {
  it('continues once the check has failed, and not before', async () => {
    const run = await adopting();
    await run.pass(600_000);
    expect(run.end()).toBeUndefined();
    await run.fail('checkAdoption', 'RequestNotFound');
    expect(run.end()).toBe('continued');
  });

  it('follows the adopted id once it is checked', async () => {
    const run = await adopting();
    await run.complete('checkAdoption', { reads: 1, searchAttributes: [] });
    expect(await run.state()).toMatchObject({ requestId: 'adopted', reads: 1 });
  });

  it('ends at its deadline all the same', async () => {
    const run = await adopting();
    await run.pass(deadlineMs);
    expect(await run.state()).toMatchObject({ failure: { type: 'SubmitOutcomeUnknown' } });
    // Whoever asked for the adoption is waited for, within a bound.
    await run.pass(120_000);
    expect(run.end()).toBe('failed');
  });

  it('obeys another decision: abandon', async () => {
    const run = await adopting();
    await run.update('resolveSubmission', { action: 'abandon' });
    expect(await run.state()).toMatchObject({ failure: { type: 'SubmitOutcomeUnknown' } });
  });

  it('obeys another decision: resubmit', async () => {
    const run = await adopting();
    await run.update('resolveSubmission', { action: 'resubmit' });
    expect(run.orders).toHaveLength(2);
    expect(await run.state()).toMatchObject({ phase: 'in_queue', requestId: 'second' });
  });

  it('follows an id that a worker hands over', async () => {
    const run = await adopting();
    await run.handOver('turned-up');
    expect(await run.state()).toMatchObject({ phase: 'in_queue', requestId: 'turned-up' });
  });

  it('answers a cancel, and ends when the workflow is cancelled', async () => {
    const run = await adopting();
    await run.signal('cancel');
    expect(await run.state()).toMatchObject({ phase: 'submission_unknown', cancel: { outcome: 'unknown' } });
    expect(run.end()).toBeUndefined();
    await run.cancelWorkflow();
    expect(await run.state()).toMatchObject({ phase: 'cancelled' });
  });
});
