import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { expect, inject, it } from 'vitest';
import { createRunComfyClient } from '../../../runcomfy/client.ts';
import { eventually } from '../../support/eventually.ts';
import { checkExecutions, historiesOf } from '../../support/generations.ts';
import { hangMs } from '../../support/patience.ts';
import type { PipelineShape } from '../../support/pipeline-shapes.ts';
import { pipelineStack } from '../../support/pipelines.ts';
import { recordHistories } from '../../support/record-history.ts';
import { flux } from '../../support/simulator-client.ts';
import { untilAnswered } from '../../support/until-answered.ts';

const looked = 'google/nano-banana-2/text-to-image';
/** Longer than another step takes to be prepared. */
const lookedForMs = 700;

it('replays where steps that begin together take their own time to be prepared', async () => {
  const { client, pipelines, simulator, workers, key: newKey } = await pipelineStack();
  await workers.stop();
  const runcomfy = createRunComfyClient({ modelApiBase: simulator.modelApiBase, token: () => 'sim-in-process' });
  let lookups = 0;
  await workers.start({
    runcomfy: {
      ...runcomfy,
      getModel: async (model, options) => {
        lookups += 1;
        // The plan is checked at once.
        if (lookups > 1) await sleep(lookedForMs);
        return await runcomfy.getModel(model, options);
      },
    },
  });
  const key = newKey();
  const order = (name: string) => ({ model: flux, input: { prompt: `${key} ${name}` } });
  const plan = {
    version: 1,
    steps: {
      gate: { ...order('gate'), if: 'false' },
      many: { ...order('many ${{ item }}'), forEach: ['x', 'y'], needs: ['gate'], runsWhen: 'ended' },
      solo: { ...order('solo'), model: looked, maxPriceUsd: 1 },
    },
  };
  const pipeline = await pipelines.start({ plan, maxCostUsd: 10 }, { key });
  await eventually(async () => {
    const { steps } = await pipeline.state();
    expect(steps.map(({ phase }) => phase)).toEqual(['skipped', 'succeeded', 'succeeded']);
  });
  await pipeline.result();
  expect(lookups).toBeGreaterThan(1);
  const histories = await historiesOf(client, key);
  await recordHistories('step-skipped' satisfies PipelineShape, histories, 'runcomfyPipeline');
  const [history] = histories;
  const options = { workflowBundle: { codePath: inject('workflowBundlePath') }, isolateExecutionTimeout: hangMs };
  await Worker.runReplayHistory(options, history, key);
  await runcomfy.close();
});

it('replays where its state is asked for at every moment', async () => {
  const { client, pipelines, key: newKey } = await pipelineStack();
  const order = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });
  const play = async (key: string) => {
    const steps = {
      first: order(`${key} first`),
      many: order(`${key} \${{ item }}`, { forEach: [1, 2, 3, 4, 5], needs: ['first'] }),
      pick: { approval: { choose: ['a', 'b', 'c'] }, needs: ['many'] },
      last: order(`${key} last`, { needs: ['pick'] }),
    };
    const pipeline = await pipelines.start({ plan: { version: 1, steps }, maxParallel: 2 }, { key });
    const isOver = { yet: false };
    const ask = async () => {
      while (!isOver.yet)
        await client.workflow
          .getHandle(key)
          .query('state')
          .catch(() => undefined);
    };
    const asking = [ask(), ask(), ask()];
    await eventually(async () => {
      await untilAnswered(() => pipeline.decide({ step: 'pick', decision: 'approve', choose: 1 }));
    });
    expect(await pipeline.result()).toMatchObject({ phase: 'succeeded' });
    isOver.yet = true;
    await Promise.all(asking);
  };
  const keys = Array.from({ length: 8 }, newKey);
  await Promise.all(keys.map(play));
  await checkExecutions(client, keys);
});
