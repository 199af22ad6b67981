import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import Long from 'long';
import { expect, inject, it } from 'vitest';
import { pipelineWorkflowType } from '../../../domain/names.ts';
import { createRunComfyClient } from '../../../runcomfy/client.ts';
import { eventually } from '../../support/eventually.ts';
import { historiesOf, type History } from '../../support/generations.ts';
import { hangMs } from '../../support/patience.ts';
import { pipelineStack } from '../../support/pipelines.ts';
import { flux } from '../../support/simulator-client.ts';

const looked = 'google/nano-banana-2/text-to-image';
/** Longer than another step takes to be prepared. */
const lookedForMs = 700;

/** A stack whose workers take so long to look a model up once the plan is checked. */
async function slowStack(lookUpMs: number) {
  const stack = await pipelineStack();
  await stack.workers.stop();
  const { modelApiBase } = stack.simulator;
  const runcomfy = createRunComfyClient({ modelApiBase, token: () => 'sim-in-process' });
  let lookups = 0;
  await stack.workers.start({
    runcomfy: {
      ...runcomfy,
      getModel: async (model, options) => {
        lookups += 1;
        if (lookups > 1) await sleep(lookUpMs);
        return await runcomfy.getModel(model, options);
      },
    },
  });
  return { ...stack, lookups: () => lookups, closeRunComfy: () => runcomfy.close() };
}

async function replay(history: History | undefined, key: string): Promise<void> {
  const options = { workflowBundle: { codePath: inject('workflowBundlePath') }, isolateExecutionTimeout: hangMs };
  await Worker.runReplayHistory(options, history, key);
}

it('replays where steps that begin together take their own time to be prepared', async () => {
  const { client, pipelines, lookups, key: newKey, closeRunComfy } = await slowStack(lookedForMs);
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
  expect(lookups()).toBeGreaterThan(1);
  const [history] = await historiesOf(client, key);
  await replay(history, key);
  await closeRunComfy();
});

it('replays by the clock of each task where a step takes longer to be prepared than the server waits for one', async () => {
  const { client, workers, key: newKey, closeRunComfy } = await slowStack(1_200);
  let [key, history, at] = ['', undefined as History | undefined, -1];
  while (at < 0) {
    key = newKey();
    const order = { model: looked, input: { prompt: key }, maxPriceUsd: 1 };
    await client.workflow.execute(pipelineWorkflowType, {
      args: [{ plan: { version: 1, steps: { solo: order } }, maxCostUsd: 10 }],
      workflowId: key,
      taskQueue: workers.taskQueue,
      // After 0.8 s of it a worker tells the server that its task goes on.
      workflowTaskTimeout: '1 second',
    });
    [history] = await historiesOf(client, key);
    at = taskThatWentOn(history?.events ?? []);
  }
  const events = history?.events ?? [];
  // The same run, had it stood in the queue before: in the first of the two tasks nothing is due to be shown yet, by the
  // clock of the second it is.
  const [first, wentOn] = [millisecondsOf(events[2]), millisecondsOf(events[at])];
  for (const event of events.slice(at)) {
    const ms = millisecondsOf(event) + 19_500 - (wentOn - first);
    event.eventTime = { seconds: Long.fromNumber(Math.floor(ms / 1_000)), nanos: Math.floor(ms % 1_000) * 1e6 };
  }
  await replay(history, key);
  await closeRunComfy();
});

type Events = NonNullable<History['events']>;

function millisecondsOf(event: Events[number] | undefined): number {
  const { seconds, nanos } = event?.eventTime ?? {};
  return Number(seconds) * 1_000 + Number(nanos ?? 0) / 1e6;
}

/** Where a task began whose local activity went on into the next; -1: nowhere. */
function taskThatWentOn(events: Events): number {
  return events.findIndex((event, at) => {
    const [completed, ...rest] = events.slice(at + 1);
    const next = rest.find((each) => !each.workflowPropertiesModifiedEventAttributes);
    return (
      event.workflowTaskStartedEventAttributes &&
      completed?.workflowTaskCompletedEventAttributes &&
      next?.workflowTaskScheduledEventAttributes
    );
  });
}
