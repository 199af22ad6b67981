import path from 'node:path';
import { expect, it } from 'vitest';
import type { PipelineHandle } from '../../client/index.ts';
import type { StepPhase } from '../../domain/pipeline/pipeline-run.ts';
import type { FaultRule } from '../../simulator/index.ts';
import { createStack } from '../support/generation-stack.ts';
import { startWorkerProcess, temporaryFolder, until } from '../support/processes.ts';
import { startOwnServer } from '../support/server.ts';
import { untilAnswered } from '../support/until-answered.ts';
import { untilPolled } from '../support/until-polled.ts';

/** Where a step stands when something breaks. Each has a model of its own, by which the simulator knows whom to hold. */
interface Moment {
  name: string;
  model: string;
  rules: Omit<FaultRule, 'model'>[];
  /** The phase of its first step then; undefined: the plan is still being checked. */
  phase?: StepPhase;
  isCancelled?: boolean;
  maxCostUsd?: number;
}

const moments: Moment[] = [
  {
    name: 'in the queue',
    model: 'ideogram-ai/ideogram-v4/text-to-image',
    rules: [{ fault: 'stuck-in-queue', step: 'submit' }],
    phase: 'ordered',
  },
  {
    name: 'running',
    model: 'wan-ai/wan-2.7/text-to-image',
    rules: [{ fault: 'stuck-running', step: 'submit' }],
    phase: 'ordered',
  },
  {
    name: 'fetching',
    model: 'openai/gpt-image-2/text-to-image',
    rules: [{ fault: 'delay', step: 'result', untilReleased: true }],
    phase: 'ordered',
  },
  {
    name: 'stopping',
    model: 'blackforestlabs/flux-2-klein/4b/text-to-image',
    rules: [{ fault: 'stuck-running', step: 'submit' }],
    phase: 'ordered',
    isCancelled: true,
  },
  { name: 'awaiting a decision', model: '', rules: [], phase: 'awaiting_decision' },
  // RunComfy's catalogue is read by the check, and again by the preparation: under a limit, until it tells the price.
  {
    name: 'preparing',
    model: 'google/nano-banana-2/text-to-image',
    rules: [{ fault: 'delay', step: 'catalogue', untilReleased: true, skip: 1 }],
    phase: 'preparing',
    maxCostUsd: 100,
  },
  {
    name: 'checking',
    model: 'google/nano-banana-2-lite/text-to-image',
    rules: [{ fault: 'delay', step: 'catalogue', untilReleased: true }],
    maxCostUsd: 100,
  },
];
const last = 'blackforestlabs/flux-2/flash/text-to-image';

function planOf({ name, model }: Moment) {
  const isDecided = model === '';
  const first = isDecided
    ? { approval: { choose: [`${name} this`, `${name} that`] } }
    : { model, input: { prompt: `${name} first` } };
  const from = isDecided ? '${{ steps.first.choice }}' : '${{ steps.first.image }}';
  return { version: 1, steps: { first, next: { model: last, input: { prompt: `${name} next ${from}` } } } };
}

it('worker killed, then worker and Temporal server, with a step at every moment: the same results, one bill per order', async () => {
  const dbFile = path.join(await temporaryFolder(), 'temporal.db');
  let server = await startOwnServer({ dbFile });
  const { address } = server;
  const faults = moments.flatMap(({ model, rules }) => rules.map((rule) => ({ ...rule, model, id: model })));
  const { client, settings, simulator, generations, checkAll } = await createStack({ address, simulator: { faults } });
  let worker = await startWorkerProcess(settings);
  try {
    const standing: { moment: Moment; pipeline: PipelineHandle }[] = [];
    for (const moment of moments) {
      const { name, phase, rules, model, isCancelled, maxCostUsd } = moment;
      const request = { plan: planOf(moment), ...(maxCostUsd !== undefined && { maxCostUsd }) };
      const pipeline = await generations.pipelines.start(request, { key: name });
      standing.push({ moment, pipeline });
      await until(`${name} is reached`, async () => {
        const { phase: now, steps } = await pipeline.state();
        if (phase === undefined) return now === 'checking' && struck(model) > 0;
        if (steps[0]?.phase !== phase) return false;
        // An order whose id Temporal does not know yet would be one of unknown outcome.
        if (phase === 'ordered') return readsOf(`${name} first`) > 0;
        return rules.length === 0 || struck(model) > 0;
      });
      if (!isCancelled) continue;
      await client.workflow.getHandle(name).signal('cancel', {});
      await until(`${name} is reached`, async () => (await pipeline.state()).phase === 'stopping');
    }
    await until('a result is being fetched', () => struck('openai/gpt-image-2/text-to-image') > 0);
    const readsBefore = readsOf('in the queue first');
    await worker.kill9();
    worker = await startWorkerProcess(settings, { stateDir: worker.stateDir });
    await until('another worker goes on', () => readsOf('in the queue first') > readsBefore);
    await Promise.all([server.kill9(), worker.kill9()]);
    simulator.release();
    simulator.release(simulator.ledger().jobs.map(({ id }) => id));
    server = await startOwnServer({ dbFile, port: Number(address.split(':')[1]) });
    worker = await startWorkerProcess(settings, { stateDir: worker.stateDir });
    // The server that has just begun knows of no worker.
    await untilPolled(client, settings.taskQueue);
    const decided = standing.find(({ moment }) => moment.model === '');
    await untilAnswered(async () => await decided?.pipeline.decide({ step: 'first', decision: 'approve', choose: 1 }));
    const ends = await Promise.all(
      standing.map(async ({ moment: { name }, pipeline }) => [
        name,
        await pipeline.result().then(
          ({ phase, outputs }) => ({ phase, next: JSON.stringify(outputs['next']) }),
          (error: unknown) => ({ phase: error instanceof Error && 'type' in error ? error.type : String(error) }),
        ),
      ]),
    );
    expect(Object.fromEntries(ends)).toEqual(
      Object.fromEntries(
        moments.map(({ name, isCancelled }) => [
          name,
          isCancelled
            ? { phase: 'PipelineCancelled' }
            : { phase: 'succeeded', next: expect.stringContaining('http') as string },
        ]),
      ),
    );
    const bills = (step: string) =>
      moments.map(({ name }) => [name, jobsOf(`${name} ${step}`).map(({ state }) => state)]);
    expect(Object.fromEntries(bills('first'))).toEqual(
      Object.fromEntries(moments.map(({ name, model }) => [name, model === '' ? [] : ['succeeded']])),
    );
    expect(Object.fromEntries(bills('next'))).toEqual(
      Object.fromEntries(moments.map(({ name, isCancelled }) => [name, isCancelled ? [] : ['succeeded']])),
    );
    await checkAll(moments.map(({ name }) => name));
  } finally {
    await server.stop();
  }

  function struck(model: string): number {
    return simulator.events().filter(({ rule, what }) => what === 'request' && rule === model).length;
  }
  function jobsOf(order: string) {
    return simulator.ledger().jobs.filter(({ input }) => String(input['prompt']).startsWith(order));
  }
  function readsOf(order: string): number {
    return jobsOf(order)[0]?.statusCalls ?? 0;
  }
});
