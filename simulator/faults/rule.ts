import { z } from 'zod';
import { steps } from '../api/call.ts';

const rule = z.strictObject({
  /** Names the rule in the event log. */
  id: z.string().optional(),
  fault: z.string(),
  step: z.enum(steps),
  /** How often the rule strikes; by default always. */
  times: z.number().int().positive().optional(),
  /** The number of matching calls to let pass first. */
  skip: z.number().int().nonnegative().optional(),
  /** Strikes until everything is released. An answer delayed without `delayMs` is held back until then. */
  untilReleased: z.boolean().optional(),
  probability: z.number().min(0).max(1).optional(),
  requestId: z.string().optional(),
  model: z.string().optional(),
  delayMs: z.number().nonnegative().optional(),
  httpStatus: z.number().int().min(200).max(599).optional(),
  /** Seconds, `absent`, `date` (an HTTP date two seconds ahead), or any other text, sent as it is. */
  retryAfter: z.union([z.number(), z.string()]).optional(),
  /** Replaces the body: a string is sent as it is, anything else as JSON. */
  body: z.unknown().optional(),
  word: z.string().optional(),
  errorCode: z.number().int().optional(),
  location: z.string().optional(),
  factor: z.number().nonnegative().optional(),
});

/** A fault to inject: which one, at which step, how often, and its parameters. */
export type FaultRule = z.input<typeof rule>;

/** A rule and its counts so far. */
export type FaultRuleState = FaultRule & {
  /** Calls that the rule could have affected. */
  seen: number;
  /** Calls that the rule did affect. */
  fired: number;
  /** The rule strikes until it is released, and has been released. */
  isReleased?: boolean;
};

/** Checks rules that come from outside; throws one sentence if one is wrong. */
export function parseFaultRules(
  value: unknown,
  faults: ReadonlyMap<string, { readonly steps: readonly string[] }>,
): FaultRule[] {
  const result = z.array(rule).safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new Error(
      `Fault rules must be a list of { fault, step, … }: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
    );
  }
  for (const { fault, step } of result.data) {
    const definition = faults.get(fault);
    if (definition === undefined) throw new Error(`There is no fault "${fault}"; GET /__sim/fault-names lists them.`);
    if (!definition.steps.includes(step)) {
      throw new Error(`Fault "${fault}" does not apply to step "${step}", only to ${definition.steps.join(', ')}.`);
    }
  }
  return result.data;
}
