import { workflowInfo } from '@temporalio/workflow';
import { isJsonObject } from '../domain/json.ts';

/** Fields that every version has handed on, with a value of the same kind in the place of each. */
export type SampleOf<Carried> = {
  readonly [Name in keyof Carried]?: Carried[Name] extends string
    ? ''
    : Carried[Name] extends number
      ? 0
      : Carried[Name] extends readonly unknown[]
        ? readonly []
        : SampleOf<Carried[Name]>;
};

/**
 * What the run before this one has handed on; undefined: nothing. A cron schedule and a workflow retry policy begin runs,
 * too, with all that the start was given: a second argument may be anything, and counts only where it looks like `sample`.
 */
export function handedOn<Carried extends object>(given: unknown, sample: SampleOf<Carried>): Carried | undefined {
  if (workflowInfo().continuedFromExecutionRunId === undefined || !isLike(given, sample)) return undefined;
  return given as Carried;
}

function isLike(value: unknown, sample: unknown): boolean {
  if (Array.isArray(sample)) return Array.isArray(value);
  if (!isJsonObject(sample)) return typeof value === typeof sample;
  return isJsonObject(value) && Object.entries(sample).every(([name, inner]) => isLike(value[name], inner));
}
