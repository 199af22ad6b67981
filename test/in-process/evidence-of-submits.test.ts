import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { generationInProcess } from '../support/generation-in-process.ts';
import { openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const sentAt = (seconds: number) => new Date(Date.parse('2026-11-27T12:00:00.000Z') + seconds * 1_000).toISOString();
const unknown = (seconds: number) => ({ type: 'SubmitOutcomeUnknown', details: { sentAt: sentAt(seconds) } });
const balanceAt = (seconds: number) => ({ microdollars: seconds, readAt: sentAt(seconds) });

async function twiceUnknown(afterSeconds: number) {
  const run = await generationInProcess(
    sandbox,
    { model: 'a/b', input: { prompt: 'x' } },
    { submits: [unknown(0), unknown(afterSeconds)] },
  );
  await run.pass(afterSeconds * 1_000);
  const asked = () => run.asked.filter((type) => type === 'gatherEvidence').length;
  const answer = (of: number, at: number) =>
    run.complete('gatherEvidence', { sentAt: sentAt(of), balanceAfter: balanceAt(at), note: '' });
  const resubmit = async () => {
    await run.update('resolveSubmission', { action: 'resubmit' });
    expect(run.orders).toHaveLength(2);
  };
  return { run, asked, answer, resubmit };
}

it('a submit that is unknown while the evidence of the one before is waited for has a minute of its own', async () => {
  const { run, asked, answer, resubmit } = await twiceUnknown(40);
  await resubmit();
  await run.pass(59_000);
  expect(asked()).toBe(0);
  await run.pass(61_000);
  expect(asked()).toBe(1);
  await answer(40, 120);
  expect((await run.state()).evidence).toMatchObject({ sentAt: sentAt(40), balanceAfter: balanceAt(120) });
});

it('evidence of a submit that comes late is not shown as that of the next, which has its own', async () => {
  const { run, asked, answer, resubmit } = await twiceUnknown(65);
  expect(asked()).toBe(1);
  await resubmit();
  await answer(0, 66);
  const { evidence } = await run.state();
  expect(evidence).toMatchObject({ sentAt: sentAt(65) });
  expect(evidence?.balanceAfter).toBeUndefined();
  await run.pass(61_000);
  expect(asked()).toBe(2);
  await answer(65, 126);
  expect((await run.state()).evidence).toMatchObject({ sentAt: sentAt(65), balanceAfter: balanceAt(126) });
});
