import fc from 'fast-check';
import type { CancelWhileRunningPolicy, UnknownSubmissionPolicy } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { faultNames, type FaultRule } from '../../simulator/index.ts';
import { oddities, type Oddity } from './odd-input.ts';

/** A way to ask for a cancel. */
export type CancelWay = 'signal' | 'update' | 'workflow';

/** What a person does about a submission that is unknown. */
export type Decision = 'none' | 'adopt' | 'adopt a wrong id' | 'resubmit' | 'abandon';

/** A message that nobody who keeps to the contract sends. */
export type Forgery = (typeof forgeries)[number];

export const forgeries = [
  'an id of another chain',
  'an id that is none',
  'JSON that is none',
  'an encoding that is not known',
  'bytes that claim to be encrypted',
  'a decision that is none',
  'a signal that does not exist',
] as const;

/** One generation and all that happens to it. */
export interface FuzzScript {
  policy: UnknownSubmissionPolicy;
  onCancelWhileRunning: CancelWhileRunningPolicy | 'unsaid';
  deadlineMs: number;
  /** How many reads a job queues and runs for. */
  queueReads: number;
  runReads: number;
  faults: FaultRule[];
  cancels: { afterMs: number; way: CancelWay }[];
  decisions: Decision[];
  input: Oddity;
  /** The answers of activities, counted from 0, that cannot be encoded when they are to be reported. */
  unreported: number[];
  /** Decisions that come whatever the state is. */
  untimely: { afterMs: number; decision: Decision }[];
  forged: { afterMs: number; forgery: Forgery }[];
  /** The run ends after this by the caller's own setting, and Temporal retries it. */
  retriedAfterMs: number | undefined;
  /** Somebody resets the run to before its submit. */
  resetAfterMs: number | undefined;
  /** In process: a worker with another state folder goes on after the reset. */
  isResetElsewhere: boolean;
}

const steps = ['submit', 'status', 'result', 'cancel'] as const;

/** Every fault of the simulator at every step of a generation; those that take their time take little of it. */
const faultsByStep = steps.map((step) =>
  faultNames
    .filter((fault) => fault.steps.includes(step))
    .map(({ name }): FaultRule => ({ fault: name, step, delayMs: 5 })),
);

const faultRule: fc.Arbitrary<FaultRule> = fc
  .record({
    base: fc.oneof(...faultsByStep.map((faults) => fc.constantFrom(...faults))),
    times: fc.constantFrom(1, 1, 2, 3, 8, undefined),
    skip: fc.constantFrom(0, 0, 0, 1, 2),
    httpStatus: fc.constantFrom(undefined, undefined, 500, 502, 503, 504),
    retryAfter: fc.constantFrom(undefined, 0, 1, 2),
  })
  .map(({ base, times, skip, httpStatus, retryAfter }) => ({
    ...base,
    ...withoutUndefined({
      times,
      skip: skip || undefined,
      httpStatus: /^http-/.test(base.fault) ? httpStatus : undefined,
      retryAfter,
    }),
  }));

const decision: fc.Arbitrary<Decision> = fc.constantFrom('none', 'adopt', 'adopt a wrong id', 'resubmit', 'abandon');

/** Random generations whose deadlines and cancels fall into the given time. */
export function fuzzScripts(longestMs: number): fc.Arbitrary<FuzzScript> {
  return fc.record({
    policy: fc.constantFrom('hold', 'fail', 'resubmit'),
    onCancelWhileRunning: fc.constantFrom('wait', 'detach', 'unsaid'),
    deadlineMs: fc.integer({ min: Math.ceil(longestMs / 10), max: longestMs }),
    queueReads: fc.nat({ max: 3 }),
    runReads: fc.nat({ max: 3 }),
    faults: fc.array(faultRule, { maxLength: 4 }),
    cancels: fc.array(
      fc.record({ afterMs: fc.nat({ max: longestMs }), way: fc.constantFrom('signal', 'update', 'workflow') }),
      { maxLength: 2 },
    ),
    decisions: fc.array(decision, { maxLength: 2 }),
    input: fc.oneof({ weight: 7, arbitrary: fc.constant('plain' as const) }, fc.constantFrom(...oddities)),
    unreported: fc.oneof(fc.constant<number[]>([]), fc.uniqueArray(fc.nat({ max: 8 }), { maxLength: 3 })),
    untimely: fc.array(fc.record({ afterMs: fc.nat({ max: longestMs }), decision }), { maxLength: 2 }),
    forged: fc.array(fc.record({ afterMs: fc.nat({ max: longestMs }), forgery: fc.constantFrom(...forgeries) }), {
      maxLength: 2,
    }),
    retriedAfterMs: seldom(fc.integer({ min: Math.ceil(longestMs / 6), max: longestMs })),
    resetAfterMs: seldom(fc.nat({ max: longestMs })),
    isResetElsewhere: fc.boolean(),
  });
}

function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, arbitrary);
}
