import { jsonBytes } from '../../domain/json.ts';
import type { PipelineState, StepFailure, StepState, StepSummary } from '../../domain/pipeline/pipeline-run.ts';
import { cutText } from '../../domain/text.ts';

/** Largest argument of an activity, in bytes of JSON: Temporal accepts 2 MiB, and ends a workflow that sends more. */
export const maxQuestionBytes = 1_900_000;

const maxStateBytes = 900 * 1024;
const maxFailureChars = 200;

/**
 * What a state goes without, step by step, until it is small enough. First goes what can be found under the orders'
 * keys.
 */
const reductions: readonly ((step: StepState) => StepState)[] = [
  (step) => ({ ...step, ...(step.items && { items: step.items.map((item) => withoutOutput(item)) }) }),
  (step) => withoutOutput(step),
  (step) => ({ ...cutFailure(step), ...(step.items && { items: step.items.map((item) => cutFailure(item)) }) }),
  ({ approval, ...step }) => {
    if (approval === undefined) return step;
    const { choices: _, chosen: __, ...rest } = approval;
    return { ...step, approval: rest };
  },
  ({ items: _, waitsFor: __, ...step }) => step,
];

/** The state, cut to stay below 1 MiB whatever the steps have made. */
export function boundState(state: PipelineState): PipelineState {
  if (jsonBytes(state) <= maxStateBytes) return state;
  let short: PipelineState = { ...state, truncated: true };
  for (const reduce of reductions) {
    short = { ...short, steps: short.steps.map(reduce) };
    if (jsonBytes(short) <= maxStateBytes) return short;
  }
  return short;
}

/** The summaries of the steps, cut to `maxBytes` of JSON: outputs go first, then choices. */
export function boundSummaries(steps: Record<string, StepSummary>, maxBytes: number): Record<string, StepSummary> {
  if (jsonBytes(steps) <= maxBytes) return steps;
  const short = mapValues(steps, ({ output: _, ...step }) => step);
  if (jsonBytes(short) <= maxBytes) return short;
  return mapValues(short, ({ choices: _, ...step }) => step);
}

/** The outputs, cut to `maxBytes` of JSON. Those left out are null and named in `omitted`. */
export function boundOutputs(
  outputs: Record<string, unknown>,
  maxBytes: number,
): { outputs: Record<string, unknown>; omitted: string[] } {
  let left = maxBytes;
  const omitted: string[] = [];
  const bounded = Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => {
      const bytes = jsonBytes({ [name]: value });
      if (bytes <= left) {
        left -= bytes;
        return [name, value];
      }
      omitted.push(name);
      return [name, null];
    }),
  );
  return { outputs: bounded, omitted };
}

function mapValues<Value, Mapped>(from: Record<string, Value>, map: (value: Value) => Mapped): Record<string, Mapped> {
  return Object.fromEntries(Object.entries(from).map(([name, value]) => [name, map(value)]));
}

function withoutOutput<Target extends object>(target: Target): Target {
  const { output: _, attempts: __, ...rest } = target as Target & { output?: unknown; attempts?: unknown };
  return rest as unknown as Target;
}

function cutFailure<Target extends { failure?: StepFailure }>(target: Target): Target {
  if (target.failure === undefined) return target;
  const { issues: _, ...failure } = target.failure;
  return { ...target, failure: { ...failure, message: cutText(failure.message, maxFailureChars) } };
}
