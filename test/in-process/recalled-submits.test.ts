import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { generationInProcess } from '../support/generation-in-process.ts';
import { openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

it.each([
  ['where nobody can tell of earlier runs, that', {}, /^no worker could tell whether an earlier run had submitted/],
  ['where the run was reset, that', { isReset: true }, /^the run was reset to before its submit/],
])('gives as the reason of an unknown submission, %s', async (_, recalled, reason) => {
  const request = { model: 'a/b', input: { prompt: 'x' } };
  const run = await generationInProcess(sandbox, request, { submits: [{ lost: { stage: 'not_sent' } }], recalled });
  expect(await run.state()).toMatchObject({
    phase: 'submission_unknown',
    evidence: { reason: expect.stringMatching(reason) as string },
  });
  // What follows from a local activity a replay may take up earlier.
  expect(run.asked).not.toContain('recallSubmit (local)');
  await run.dispose();
});
