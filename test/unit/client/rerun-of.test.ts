import { type Client, ServiceError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import { asOneCall } from '../../../client/generation/one-call.ts';
import { grpcCode } from '../../../client/grpc.ts';
import { createGenerationClient } from '../../../client/index.ts';
import { flux, kling, klingInput } from '../../support/simulator-client.ts';

const plan = { version: 1, steps: { still: { model: flux, input: { prompt: 'a cat' } } } };
const [begun, between, last, again, strange] = [1, 2, 3, 4, 5].map(
  (at) => `00000000-0000-4000-8000-00000000000${String(at)}`,
) as [string, string, string, string, string];

interface Run {
  runId: string;
  /** None: the server does not say. */
  firstRunId?: string;
}

const started: Run = { runId: begun, firstRunId: begun };
const chain: Run[] = [started, { runId: between, firstRunId: begun }, { runId: last, firstRunId: begun }];
const [running, failed, continuedAsNew] = [1, 3, 6];

/** Pipelines whose key has had these runs, and what they were asked to start. The newest is the last one. */
function pipelinesAfter(runs: readonly Run[], newest = failed) {
  const starts: { requestId: string }[] = [];
  const find = ({ execution }: { execution: { runId: string } }) => {
    const found = runs.find(({ runId }) => runId === execution.runId) ?? (execution.runId === '' && runs.at(-1));
    if (found) return found;
    const cause = Object.assign(new Error('unknown'), { code: grpcCode.notFound, details: '', metadata: {} });
    throw new ServiceError('unknown', { cause });
  };
  const workflowService = {
    describeWorkflowExecution: async (asked: { execution: { runId: string } }) => {
      const { runId, firstRunId = '' } = await Promise.resolve(asked).then(find);
      const status = runId === runs.at(-1)?.runId ? newest : continuedAsNew;
      const type = { name: 'runcomfyPipeline' };
      const execution = { workflowId: 'k', runId };
      return { workflowExecutionInfo: { execution, firstRunId, type, status }, pendingActivities: [] };
    },
    getWorkflowExecutionHistory: async (asked: { execution: { runId: string } }) => {
      const { firstRunId } = await Promise.resolve(asked).then(find);
      const input = { payloads: [defaultPayloadConverter.toPayload({ plan, orderAgain: true })] };
      const first = { firstExecutionRunId: firstRunId, input };
      return { history: { events: [{ workflowExecutionStartedEventAttributes: first }] } };
    },
    startWorkflowExecution: (asked: { requestId: string }) => {
      starts.push(asked);
      return Promise.resolve({ runId: again, started: newest !== running });
    },
  };
  const loadedDataConverter = { payloadConverter: defaultPayloadConverter, payloadCodecs: [] };
  const options = { namespace: 'default', loadedDataConverter };
  const client = { options, workflowService, workflow: { connection: { workflowService }, options: {} } };
  const { pipelines } = createGenerationClient({ client: client as unknown as Client });
  return { pipelines, starts, start: (rerunOf: string) => pipelines.start({ plan }, { key: 'k', rerunOf }) };
}

it.each([
  ['began the chain', begun],
  ['was continued as new', between],
  ['ended', last],
])('a pipeline is run again by the run that %s', async (_what, rerunOf) => {
  const { start, starts } = pipelinesAfter(chain);
  expect(await start(rerunOf)).toMatchObject({ runId: again, attached: false });
  expect(starts).toHaveLength(1);
});

it.each<[string, Run[]]>([
  ['was followed', [...chain, { runId: again, firstRunId: again }]],
  ['may be of another chain, where the server does not say', [{ runId: between }, { runId: again }]],
])('a run that %s is not followed once more', async (_what, runs) => {
  const { start, starts } = pipelinesAfter(runs);
  expect(await start(between)).toMatchObject({ runId: again, attached: true });
  expect(starts).toEqual([]);
});

it('nothing is started for a run that the key has not, or no longer', async () => {
  const { start, starts } = pipelinesAfter(chain);
  const path = 'rerunOf';
  const refusal = { type: 'InvalidInput', issues: [{ path, message: expect.stringContaining(last) as string }] };
  await expect(start(strange)).rejects.toMatchObject(refusal);
  await expect(start('run-1')).rejects.toMatchObject({ type: 'InvalidInput', issues: [{ path }] });
  expect(starts).toEqual([]);
});

const edited = { version: 1, steps: { still: { model: flux, input: { prompt: 'a dog' } } } };

it.each<[string, Run[], { rerun?: boolean; rerunOf?: string }]>([
  ['a run again that is asked for once more', chain, { rerun: true }],
  ['a named run that was followed', [...chain, { runId: again, firstRunId: again }], { rerunOf: last }],
])('a dry run of %s says that the open run would be followed, as its start does', async (_what, runs, options) => {
  const { pipelines, starts } = pipelinesAfter(runs, running);
  expect(await pipelines.preview({ plan }, { key: 'k', ...options })).toMatchObject({ attached: true, orders: [] });
  expect(await pipelines.start({ plan }, { key: 'k', ...options })).toMatchObject({ attached: true, notices: [] });
  expect(starts).toHaveLength('rerun' in options ? 1 : 0);
  const refusal = { type: 'StillRunning' };
  await expect(pipelines.preview({ plan: edited }, { key: 'k', ...options })).rejects.toMatchObject(refusal);
});

it.each<[string, { rerunOf: string }, string]>([
  ['the open run itself', { rerunOf: last }, 'StillRunning'],
  ['a run that is not known', { rerunOf: strange }, 'InvalidInput'],
])('a dry run of %s is refused, as its start is', async (_what, options, type) => {
  const { pipelines } = pipelinesAfter(chain, running);
  await expect(pipelines.preview({ plan }, { key: 'k', ...options })).rejects.toMatchObject({ type });
  await expect(pipelines.start({ plan }, { key: 'k', ...options })).rejects.toMatchObject({ type });
});

it('a dry run of a key that was never run is refused where it names a run', async () => {
  const { pipelines } = pipelinesAfter([]);
  const preview = pipelines.preview({ plan }, { key: 'k', rerunOf: last });
  await expect(preview).rejects.toMatchObject({ type: 'KeyNotFound' });
});

it('where nothing may be started, a named run has what followed it attached to, and no more than that', async () => {
  const options = { key: 'k', rerunOf: last, attachOnly: true };
  const refusedByNow = { plan: { version: 1, steps: { still: { model: 'no/such', surprise: 1 } } } };
  const followed = pipelinesAfter([...chain, { runId: again, firstRunId: again }]);
  expect(await followed.pipelines.start({ plan }, options)).toMatchObject({
    runId: again,
    attached: true,
    notices: [],
  });
  for (const order of [{ plan }, refusedByNow]) {
    const { pipelines, starts } = pipelinesAfter(chain);
    await expect(pipelines.start(order, options)).rejects.toMatchObject({ type: 'KeyNotFound' });
    expect(starts).toEqual([]);
  }
});

it('Temporal knows a start that follows a run by what is to run after which, whoever asks for it', async () => {
  const ids: (string | undefined)[] = [];
  for (const [asked, rerunOf] of [
    [plan, last],
    [plan, begun],
    [edited, last],
  ] as const) {
    const { pipelines, starts } = pipelinesAfter(chain);
    await asOneCall(() => pipelines.start({ plan: asked }, { key: 'k', rerunOf }));
    ids.push(...starts.map(({ requestId }) => requestId));
  }
  expect(ids).toEqual([ids[0], ids[0], expect.not.stringContaining(String(ids[0]))]);
});

it('a plan that costs more than it may by the prices that every client knows is not started, and its key stays free', async () => {
  const dear = { plan: { version: 1, steps: { clip: { model: kling, input: klingInput } } }, maxCostUsd: 0.1 };
  const refusal = { type: 'InvalidInput', issues: [{ path: '$.steps' }] };
  for (const rerun of [false, true]) {
    const { pipelines, starts } = pipelinesAfter([]);
    await expect(pipelines.start(dear, { key: 'k', rerun })).rejects.toMatchObject(refusal);
    expect(starts).toEqual([]);
  }
  const { pipelines: found, starts: again } = pipelinesAfter(chain);
  await expect(found.start(dear, { key: 'k' })).rejects.toMatchObject({ type: 'KeyInUse' });
  expect(await found.start(dear, { key: 'k', rerun: true })).toMatchObject({ attached: false });
  expect(again).toHaveLength(1);
  const { pipelines: ofOther, starts: begun } = pipelinesAfter([]);
  await ofOther.start({ ...dear, lineage: 'other', orderAgain: true }, { key: 'k' });
  expect(begun).toHaveLength(1);
  const ofOwn = ofOther.start({ ...dear, lineage: 'k', orderAgain: true }, { key: 'k' });
  await expect(ofOwn).rejects.toMatchObject(refusal);
  const priceless = { still: { model: flux, input: { prompt: 'a cat' } } };
  const { pipelines, starts } = pipelinesAfter([]);
  await pipelines.start({ plan: { version: 1, steps: priceless }, maxCostUsd: 0.1 }, { key: 'k' });
  expect(starts).toHaveLength(1);
});
