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
  /** It is reached when a rule strikes this call. */
  reachedBy: FaultRule['step'];
  policy?: UnknownSubmissionPolicy;
  /** Asked to stop: ends as cancelled. */
  isCancelled?: boolean;
}

/** Later than any of these ends, sooner than its test gives up without a word. */
const longestEndMs = 2 * hangMs;
const policies = ['hold', 'fail', 'resubmit'] as const;

const sendModel = 'blackforestlabs/flux-2/flash/text-to-image';

/** The POST is out and its reply has not come, under each policy. */
export const sendBoundaries: Boundary[] = policies.map((policy) => ({
  name: `after send, before the reply · ${policy}`,
  model: sendModel,
  rules: policy === 'hold' ? [{ id: sendModel, fault: 'accept-then-delay', step: 'submit', untilReleased: true }] : [],
  reachedBy: 'submit',
  policy,
}));

const readBoundaries: Boundary[] = [
  {
    name: 'between reads',
    model: 'ideogram-ai/ideogram-v4/text-to-image',
    rules: [{ fault: 'stuck-in-queue', step: 'submit' }],
    reachedBy: 'submit',
  },
  {
    name: 'during a status read',
    model: 'wan-ai/wan-2.7/text-to-image',
    rules: [{ fault: 'delay', step: 'status', untilReleased: true }],
    reachedBy: 'status',
  },
  {
    name: 'during result',
    model: 'openai/gpt-image-2/text-to-image',
    rules: [{ fault: 'delay', step: 'result', untilReleased: true }],
    reachedBy: 'result',
  },
  {
    name: 'during cancel',
    model: 'blackforestlabs/flux-2-klein/4b/text-to-image',
    rules: [
      { fault: 'stuck-in-queue', step: 'submit' },
      { fault: 'delay', step: 'cancel', untilReleased: true },
    ],
    reachedBy: 'cancel',
    isCancelled: true,
  },
];

/** The share of the time in which the refused order is not just being sent again, for whoever strikes there. */
const backoffSeconds = 8;
/** A worker looks so long at a catalogue that does not answer. */
const catalogueSeconds = 5;

const unsentBoundaries: Boundary[] = [
  {
    name: 'before send',
    model: 'google/nano-banana-2-lite/text-to-image',
    rules: [
      { fault: 'delay', step: 'catalogue', untilReleased: true },
      // Without a catalogue the worker sends in the end: what is refused is still before the send.
      { fault: 'rate-limited', step: 'submit', retryAfter: backoffSeconds, untilReleased: true },
    ],
    reachedBy: 'catalogue',
  },
  {
    name: 'in backoff before the next send',
    model: 'google/nano-banana-2/text-to-image',
    rules: [{ fault: 'rate-limited', step: 'submit', retryAfter: backoffSeconds, untilReleased: true }],
    reachedBy: 'submit',
  },
];

/** Where the worker or the server is struck. */
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

/**
 * Starts a generation for each boundary and returns when all stand there at once, where they stay until the simulator
 * releases them. Only a POST and a cancel are given up by the worker itself, in a minute and in half a minute: those are
 * begun when all that may take its time has been reached.
 */
export async function standAt(stack: GenerationStack, wanted: Boundary[]): Promise<Standing[]> {
  const { generations, simulator, client } = stack;
  const standing: Standing[] = [];
  const startAll = async (of: Boundary[]) => {
    const start = async (boundary: Boundary) => {
      const { model, policy } = boundary;
      const name = `${boundary.name} ${randomUUID()}`;
      const request = { model, input: { prompt: name }, ...(policy && { onUnknownSubmission: policy }) };
      standing.push({ boundary, name, generation: await generations.start(request, { key: name }) });
    };
    await Promise.all(wanted.filter((boundary) => of.includes(boundary)).map(start));
  };
  const reached = ({ name, model, reachedBy }: Boundary) =>
    until(`${name} is reached`, () => {
      const struck = simulator.events().filter(({ rule, step }) => rule === model && step === reachedBy);
      return struck.length >= wanted.filter((boundary) => boundary.model === model).length;
    });

  await startAll(readBoundaries);
  const cancelled = standing.filter(({ boundary }) => boundary.isCancelled === true);
  await Promise.all(
    standing.map(async ({ boundary, name }) => {
      if (boundary.reachedBy === 'status' || boundary.reachedBy === 'result') await reached(boundary);
      else await until(`${name} is read`, () => (jobsNamed(simulator, name)[0]?.statusCalls ?? 0) > 0);
    }),
  );
  await startAll(sendBoundaries);
  await Promise.all(wanted.filter((boundary) => sendBoundaries.includes(boundary)).map(reached));
  await Promise.all(cancelled.map(({ generation }) => client.workflow.getHandle(generation.key).signal('cancel')));
  await startAll(unsentBoundaries);
  await Promise.all(wanted.map(reached));
  const unsent = standing.filter(({ boundary }) => unsentBoundaries.includes(boundary));
  await until('the next sends are waited for', async () => {
    const areFar = await Promise.all(unsent.map((each) => isFarFromSend(stack, each)));
    return areFar.every(Boolean);
  });
  return standing;
}

/**
 * Until the worker has reported a refusal, the order may be on its way for all that the server knows, and so it may as the
 * time of the next send comes near, or the end of the first look at the catalogue.
 */
async function isFarFromSend({ client }: GenerationStack, { boundary, generation }: Standing): Promise<boolean> {
  const { raw } = await client.workflow.getHandle(generation.key).describe();
  const untilMs = (time?: { seconds?: unknown } | null) => Number(time?.seconds ?? 0) * 1_000 - Date.now();
  return (raw.pendingActivities ?? []).some(({ attempt, lastStartedTime, nextAttemptScheduleTime }) =>
    (attempt ?? 0) > 1
      ? untilMs(nextAttemptScheduleTime) > (backoffSeconds / 2) * 1_000
      : boundary.reachedBy === 'catalogue' && untilMs(lastStartedTime) > -(catalogueSeconds / 2) * 1_000,
  );
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

/** Lets go all that the simulator holds so that a boundary lasts. */
export function releaseAll({ simulator }: GenerationStack, standing: Standing[]): void {
  simulator.release();
  const stuck = standing.filter(({ boundary }) => boundary.name === 'between reads');
  simulator.release(stuck.flatMap(({ name }) => jobsNamed(simulator, name).map(({ id }) => id)));
}
