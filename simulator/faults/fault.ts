import type { Call, Step } from '../api/call.ts';
import type { SubmitPlan } from '../api/submit.ts';
import type { Reply } from '../http/reply.ts';
import type { Job, JobDraft } from '../world/job.ts';
import type { World } from '../world/world.ts';
import type { FaultRuleState } from './rule.ts';

/** How an answer leaves the socket. */
export type WireAnswer =
  /** `isHeld`: kept until everything is released. */
  | { readonly how: 'reply'; readonly reply: Reply; readonly afterMs?: number; readonly isHeld?: boolean }
  /** In pieces, over this time. */
  | { readonly how: 'trickle'; readonly reply: Reply; readonly overMs: number }
  /** Headers and half of the body, then the connection ends. */
  | { readonly how: 'cut'; readonly reply: Reply }
  | { readonly how: 'reset'; readonly afterHeadersOf?: Reply }
  | { readonly how: 'hang' };

/** What a fault may look at and do. */
export interface FaultContext {
  readonly rule: Readonly<FaultRuleState>;
  readonly call: Call;
  readonly world: World;
  /** What the submit would come to. */
  readonly plan: () => SubmitPlan;
  /** Carries the call out, once, and returns the honest reply; a submit may be carried out with changed facts. */
  readonly proceed: (change?: Partial<JobDraft>) => Reply;
}

/** One way in which the service can go wrong. */
export interface Fault {
  readonly name: string;
  /** Number of the group in the list of faults. */
  readonly group: number;
  readonly steps: readonly Step[];
  readonly sentence: string;
  /** Whether this call can be spoiled in this way; calls that cannot are not counted. */
  readonly applies?: (context: FaultContext) => boolean;
  readonly act: (context: FaultContext) => WireAnswer;
  /** All that it does is in the reply: where that is the honest one, it did not strike. */
  readonly isInReplyAlone?: true;
}

/** The steps that are calls of the API, downloads aside. */
export const apiSteps: readonly Step[] = ['submit', 'status', 'result', 'cancel', 'catalogue', 'balance'];

export const allSteps: readonly Step[] = [...apiSteps, 'file'];

export function reply(reply: Reply): WireAnswer {
  return { how: 'reply', reply };
}

const usualDelayMs = 30_000;

/** The honest reply, late. */
export function late({ rule, proceed }: FaultContext): WireAnswer {
  if (rule.untilReleased === true && rule.delayMs === undefined)
    return { how: 'reply', reply: proceed(), isHeld: true };
  return { how: 'reply', reply: proceed(), afterMs: rule.delayMs ?? usualDelayMs };
}

/** A submit that the service takes; every other call counts as well. */
export function isTaken({ call, plan }: FaultContext): boolean {
  return call.step !== 'submit' || plan().accepted;
}

/** The caller's own job, for faults that need one. */
export function jobOf({ call }: FaultContext): Job | undefined {
  return call.job !== undefined && call.job.owner === call.owner ? call.job : undefined;
}

/** The honest reply with its JSON object changed. */
export function withJson(honest: Reply, change: (json: Record<string, unknown>) => Record<string, unknown>): Reply {
  return { ...honest, json: change(honest.json as Record<string, unknown>) };
}
