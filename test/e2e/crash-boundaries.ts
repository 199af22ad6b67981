import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { GenerationHandle } from '../../client/index.ts';
import type { UnknownSubmissionPolicy } from '../../domain/generation.ts';
import type { FaultRule } from '../../simulator/index.ts';
import { type GenerationStack, jobsNamed } from '../support/generation-stack.ts';
import { hangMs } from '../support/patience.ts';
import { until } from '../support/processes.ts';

/** A point in a generation's life at which something else may break. */
export interface Boundary {
  name: string;
  /** Each boundary has a model of its own, by which the simulator knows whom to keep waiting. */
  model: string;
  rules: FaultRule[];
  policy?: UnknownSubmissionPolicy;
  /** Asked to stop: ends as cancelled. */
  isCancelled?: boolean;
}

/** How long the simulator keeps a call waiting: long enough to break something meanwhile. */
const keptMs = 8_000;
/** The send window is held open longest: what happens in it depends on the strike coming before the reply. */
const sendKeptMs = 12_000;
/** Later than any of these ends, sooner than its test gives up without a word. */
const longestEndMs = 2 * hangMs;
const policies = ['hold', 'fail', 'resubmit'] as const;

const sendModel = 'blackforestlabs/flux-2/flash/text-to-image';

/** The POST is out and its reply has not come, under each policy. */
export const sendBoundaries: Boundary[] = policies.map((policy) => ({
  name: `after send, before the reply · ${policy}`,
  model: sendModel,
  rules:
    policy === 'hold'
      ? [{ id: sendModel, fault: 'accept-then-delay', step: 'submit', delayMs: sendKeptMs, times: 3 }]
      : [],
  policy,
}));

const readBoundaries: Boundary[] = [
  {
    name: 'between reads',
    model: 'ideogram-ai/ideogram-v4/text-to-image',
    rules: [{ fault: 'stuck-in-queue', step: 'submit' }],
  },
  {
    name: 'during a status read',
    model: 'wan-ai/wan-2.7/text-to-image',
    rules: [{ fault: 'delay', step: 'status', delayMs: keptMs, times: 1 }],
  },
  {
    name: 'during result',
    model: 'openai/gpt-image-2/text-to-image',
    rules: [{ fault: 'delay', step: 'result', delayMs: keptMs, times: 1 }],
  },
  {
    name: 'during cancel',
    model: 'blackforestlabs/flux-2-klein/4b/text-to-image',
    rules: [
      { fault: 'stuck-in-queue', step: 'submit' },
      { fault: 'delay', step: 'cancel', delayMs: keptMs, times: 1 },
    ],
    isCancelled: true,
  },
];

const backoffName = 'in backoff before the next send';

const unsentBoundaries: Boundary[] = [
  {
    name: 'before send',
    model: 'google/nano-banana-2-lite/text-to-image',
    rules: [{ fault: 'delay', step: 'catalogue', delayMs: 4_500, times: 1 }],
  },
  {
    name: backoffName,
    model: 'google/nano-banana-2/text-to-image',
    rules: [{ fault: 'rate-limited', step: 'submit', retryAfter: keptMs / 1_000, times: 1 }],
  },
];

/** Where the worker or the server is struck; in the order in which they are best reached. */
export const boundaries: Boundary[] = [...readBoundaries, ...sendBoundaries, ...unsentBoundaries];

/** The rules of all boundaries, each scoped to its model. */
export const boundaryRules: FaultRule[] = boundaries.flatMap(({ model, rules }) =>
  rules.map((rule) => ({ id: model, ...rule, model })),
);

export interface Standing {
  boundary: Boundary;
  generation: GenerationHandle;
  /** Tells its jobs in the ledger from others. */
  name: string;
}

/** Starts a generation for each boundary and returns when all stand there at once. */
export async function standAt(stack: GenerationStack, wanted: Boundary[]): Promise<Standing[]> {
  const { generations, simulator } = stack;
  const start = async (boundary: Boundary): Promise<Standing> => {
    const name = `${boundary.name} ${randomUUID()}`;
    const { model, policy } = boundary;
    const request = { model, input: { prompt: name }, ...(policy && { onUnknownSubmission: policy }) };
    return { boundary, name, generation: await generations.start(request, { key: name }) };
  };
  const early = wanted.filter((boundary) => readBoundaries.includes(boundary));
  const late = wanted.filter((boundary) => !early.includes(boundary));
  const standing = await Promise.all(early.map(start));
  await Promise.all(
    standing.map(async ({ boundary, generation, name }) => {
      if (boundary.name === 'during result' || boundary.name === 'during a status read') return;
      await until(`${name} is read`, () => (jobsNamed(simulator, name)[0]?.statusCalls ?? 0) > 0);
      if (boundary.isCancelled === true) {
        await stack.client.workflow.getHandle(generation.key).signal('cancel');
      }
    }),
  );
  standing.push(...(await Promise.all(late.map(start))));
  await Promise.all(
    wanted.map(({ name, model }) =>
      until(`${name} is reached`, () => struck(stack, model) >= strikesOf(wanted, model)),
    ),
  );
  const inBackoff = standing.find(({ boundary }) => boundary.name === backoffName);
  if (inBackoff) {
    // Until the worker has reported the refusal, the order may be on its way for all that the server knows.
    await until('the next send is waited for', async () => {
      const { raw } = await stack.client.workflow.getHandle(inBackoff.generation.key).describe();
      return raw.pendingActivities?.some(({ attempt }) => (attempt ?? 0) > 1);
    });
  }
  return standing;
}

/** What holds at every boundary: one bill at most, under `resubmit` two. */
export function expectBilledAtMostOnce({ simulator }: GenerationStack, standing: Standing[]): void {
  const bills = standing.map(({ name, boundary }) => [
    name,
    jobsNamed(simulator, name).length <= (boundary.policy === 'resubmit' ? 2 : 1),
  ]);
  expect(Object.fromEntries(bills)).toEqual(Object.fromEntries(standing.map(({ name }) => [name, true])));
}

/** Every one of these came to a good end by itself, for one bill. */
export async function expectGoodEnd({ simulator }: GenerationStack, standing: Standing[]): Promise<void> {
  const ends = await Promise.all(
    standing.map(async ({ name, generation }) => {
      const end = await Promise.race([
        generation.result().then(
          ({ output }) => `${String(output.images.length)} file`,
          (error: unknown) => (error instanceof Error && 'type' in error ? String(error.type) : String(error)),
        ),
        sleep(longestEndMs, undefined, { ref: false }).then(async () => `still ${(await generation.state()).phase}`),
      ]);
      return [name, { end, accepted: jobsNamed(simulator, name).length }];
    }),
  );
  const wanted = standing.map(({ name, boundary }) => [
    name,
    { end: boundary.isCancelled === true ? 'GenerationCancelled' : '1 file', accepted: 1 },
  ]);
  expect(Object.fromEntries(ends)).toEqual(Object.fromEntries(wanted));
}

/** Lets go what the simulator holds so that a boundary lasts. */
export function releaseStuck({ simulator }: GenerationStack, standing: Standing[]): void {
  const stuck = standing.filter(({ boundary }) => boundary.name === 'between reads');
  simulator.release(stuck.flatMap(({ name }) => jobsNamed(simulator, name).map(({ id }) => id)));
}

function struck({ simulator }: GenerationStack, model: string): number {
  return simulator.events().filter(({ what, rule }) => what === 'request' && rule === model).length;
}

function strikesOf(wanted: Boundary[], model: string): number {
  return model === sendModel
    ? wanted.filter((boundary) => boundary.model === model).length
    : (wanted.find((boundary) => boundary.model === model)?.rules.length ?? 0);
}
