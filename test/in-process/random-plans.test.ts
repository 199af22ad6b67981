import { expect, inject, it } from 'vitest';
import { describePipelines, fuzzPipelines } from '../fuzz/pipelines/campaign.ts';

it('random plans with faults, cancels, decisions and further runs break no promise of pipelines', async () => {
  const campaign = await fuzzPipelines(40, 20_261_126, { codePath: inject('workflowBundlePath') });
  expect(campaign.found, describePipelines(campaign)).toEqual([]);
  expect(campaign.orders).toBeGreaterThan(40);
  expect(Object.keys(campaign.ends).length).toBeGreaterThan(3);
});
