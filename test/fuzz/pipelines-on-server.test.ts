import { expect, inject, it } from 'vitest';
import { describePipelines } from './pipelines/campaign.ts';
import { fuzzPipelinesOnServer } from './pipelines/on-server.ts';

it('random plans on a server break no promise of pipelines', async () => {
  const campaign = await fuzzPipelinesOnServer({
    plans: 8,
    seed: 20_261_126,
    parallel: 4,
    address: inject('temporalAddress'),
    workflowBundle: { codePath: inject('workflowBundlePath') },
  });
  expect(campaign.found, describePipelines(campaign, 'on a server')).toEqual([]);
  expect(campaign.orders).toBeGreaterThan(5);
});
