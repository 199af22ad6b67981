import { expect, inject, it } from 'vitest';
import { describePipelines, fuzzPipelines } from '../fuzz/pipelines/campaign.ts';
import { keptPlans } from '../fuzz/pipelines/kept.ts';
import { play } from '../fuzz/pipelines/play.ts';
import { brokenPromises } from '../fuzz/pipelines/truth.ts';
import { openSandbox } from '../support/workflow-sandbox.ts';

it('random plans with faults, cancels, decisions and further runs break no promise of pipelines', async () => {
  const campaign = await fuzzPipelines(40, 20_261_126, { codePath: inject('workflowBundlePath') });
  expect(campaign.found, describePipelines(campaign)).toEqual([]);
  expect(campaign.orders).toBeGreaterThan(40);
  expect(Object.keys(campaign.ends).length).toBeGreaterThan(3);
});

it.each(keptPlans)('plans that broke a promise once break none: $what', async ({ seed, script }) => {
  const sandbox = await openSandbox({ codePath: inject('workflowBundlePath') }, 1);
  try {
    const { told, provider } = await play(sandbox, script, seed);
    expect(brokenPromises(script, told, provider)).toEqual([]);
  } finally {
    await sandbox.close();
  }
});
