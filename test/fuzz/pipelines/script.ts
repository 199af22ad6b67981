import fc from 'fast-check';
import { type Fate, fates } from './provider.ts';

/** A step of a random plan; sources are steps before it. */
export interface StepScript {
  kind: 'model' | 'approval';
  sources: number[];
  /** How the sources are read: by `needs` alone, by their first file, or how many files they have. */
  reads: 'needs' | 'first' | 'number';
  /** Items of a `forEach`, or the files of the first source. */
  items: string[] | 'files' | undefined;
  maxParallel: number;
  isWanted: boolean | undefined;
  runsWhen: 'succeeded' | 'ended';
  onFailure: 'fail' | 'continue';
  fallbacks: number;
  attempts: number;
  mayPayTwice: boolean;
  onDeadline: 'reject' | 'approve';
}

/** What happens to one run of the plan. */
export interface RunScript {
  /** The step whose input differs from that of the run before. */
  edited: number | undefined;
  orderAgain: boolean;
  /** The files of the runs before are no longer to be had. */
  isGone: boolean;
  cancels: { afterMs: number; way: 'signal' | 'update' | 'workflow' | 'terminate'; detach: boolean }[];
  decisions: {
    afterMs: number;
    step: number;
    way: 'signal' | 'update';
    decision: 'approve' | 'reject' | 'junk';
    choose: number;
  }[];
}

/** A plan, its runs, and what becomes of its orders. */
export interface PipelineScript {
  steps: StepScript[];
  runs: RunScript[];
  fates: Fate[];
  maxParallel: number;
  maxCostUsd: number | undefined;
  deadlineMs: number | undefined;
  /** Workflow tasks after which a run is asked to continue as new. */
  tasksPerRun: number;
  lostAnswers: number[];
}

const longestMs = 60_000;

function step(position: number): fc.Arbitrary<StepScript> {
  const earlier =
    position === 0 ? fc.constant<number[]>([]) : fc.uniqueArray(fc.nat({ max: position - 1 }), { maxLength: 2 });
  return fc.record({
    kind: fc.constantFrom('model', 'model', 'model', 'approval'),
    sources: earlier,
    reads: fc.constantFrom('needs', 'first', 'number'),
    items: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 4 }),
      fc.constant('files' as const),
    ),
    maxParallel: fc.integer({ min: 1, max: 4 }),
    isWanted: fc.constantFrom(undefined, undefined, undefined, true, false),
    runsWhen: fc.constantFrom('succeeded', 'succeeded', 'ended'),
    onFailure: fc.constantFrom('fail', 'continue'),
    fallbacks: fc.constantFrom(0, 0, 0, 1, 2),
    attempts: fc.constantFrom(1, 1, 2, 3),
    mayPayTwice: fc.constantFrom(false, false, true),
    onDeadline: fc.constantFrom('reject', 'approve'),
  });
}

const moment = fc.nat({ max: longestMs });

const oneRun: fc.Arbitrary<RunScript> = fc.record({
  edited: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
  orderAgain: fc.boolean(),
  isGone: fc.constantFrom(false, false, false, true),
  cancels: fc.oneof(
    { weight: 2, arbitrary: fc.constant<RunScript['cancels']>([]) },
    fc.array(
      fc.record({
        afterMs: moment,
        way: fc.constantFrom('signal', 'update', 'workflow', 'terminate'),
        detach: fc.constantFrom(false, false, true),
      }),
      { maxLength: 2 },
    ),
  ),
  decisions: fc.array(
    fc.record({
      afterMs: moment,
      step: fc.nat({ max: 4 }),
      way: fc.constantFrom('signal', 'update'),
      decision: fc.constantFrom('approve', 'approve', 'reject', 'junk'),
      choose: fc.nat({ max: 3 }),
    }),
    { maxLength: 5 },
  ),
});

const fate = fc.oneof({ weight: 12, arbitrary: fc.constant<Fate>('succeeds') }, fc.constantFrom(...fates));

/** Random plans with random faults, cancels, decisions and further runs. */
export const pipelineScripts: fc.Arbitrary<PipelineScript> = fc.integer({ min: 1, max: 5 }).chain((length) =>
  fc.record({
    steps: fc.tuple(...Array.from({ length }, (_, position) => step(position))),
    runs: fc.array(oneRun, { minLength: 1, maxLength: 3 }),
    fates: fc.array(fate, { minLength: 1, maxLength: 12 }),
    maxParallel: fc.constantFrom(1, 2, 3, 20),
    maxCostUsd: fc.constantFrom(undefined, undefined, undefined, 0.1, 1),
    deadlineMs: fc.constantFrom(undefined, undefined, undefined, 15_000, 45_000),
    tasksPerRun: fc.constantFrom(3, 5, 10, 1_000, 1_000),
    lostAnswers: fc.uniqueArray(fc.nat({ max: 10 }), { maxLength: 2 }),
  }),
);
