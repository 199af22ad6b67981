import type { Call, Step } from '../api/call.ts';
import type { SubmitPlan } from '../api/submit.ts';
import type { Reply } from '../http/reply.ts';
import type { Job, JobDraft } from '../world/job.ts';
import type { World } from '../world/world.ts';
import type { FaultRuleState } from './rule.ts';

/** How an answer is sent over the socket. */
export type WireAnswer =
  /** `isHeld`: the reply is held back until everything is released. */
  | { readonly how: 'reply'; readonly reply: Reply; readonly afterMs?: number; readonly isHeld?: boolean }
  /** The body is sent in pieces over `overMs`. */
  | { readonly how: 'trickle'; readonly reply: Reply; readonly overMs: number }
  /** Sends the headers and half of the body, then ends the connection. */
  | { readonly how: 'cut'; readonly reply: Reply }
  | { readonly how: 'reset'; readonly afterHeadersOf?: Reply }
  | { readonly how: 'hang' };

/** What a fault may inspect and do. */
export interface FaultContext {
  readonly rule: Readonly<FaultRuleState>;
  readonly call: Call;
  readonly world: World;
  /** The outcome that the submit would have. */
  readonly plan: () => SubmitPlan;
  /** Carries out the call, once, and returns the honest reply. A submit may be carried out with a changed draft. */
  readonly proceed: (change?: Partial<JobDraft>) => Reply;
}

/** One way in which the service can fail. */
export interface Fault {
  readonly name: string;
  /** Number of its group in the list of faults. */
  readonly group: number;
  readonly steps: readonly Step[];
  readonly sentence: string;
  /** Whether the fault can affect this call. Calls that it cannot affect are not counted. */
  readonly applies?: (context: FaultContext) => boolean;
  readonly act: (context: FaultContext) => WireAnswer;
  /** The fault changes only the reply. If its reply is the same as the honest one, the fault did not strike. */
  readonly isInReplyAlone?: true;
}

/** The steps that are API calls, without downloads. */
export const apiSteps: readonly Step[] = ['submit', 'status', 'result', 'cancel', 'catalogue', 'balance'];

export const allSteps: readonly Step[] = [...apiSteps, 'file'];

export function reply(reply: Reply): WireAnswer {
  return { how: 'reply', reply };
}

const usualDelayMs = 30_000;

/** The honest reply, delayed. */
export function late({ rule, proceed }: FaultContext): WireAnswer {
  if (rule.untilReleased === true && rule.delayMs === undefined)
    return { how: 'reply', reply: proceed(), isHeld: true };
  return { how: 'reply', reply: proceed(), afterMs: rule.delayMs ?? usualDelayMs };
}

/** True for a submit that the service accepts, and for every other call. */
export function isTaken({ call, plan }: FaultContext): boolean {
  return call.step !== 'submit' || plan().accepted;
}

/** The caller's own job, for faults that need one. */
export function jobOf({ call }: FaultContext): Job | undefined {
  return call.job !== undefined && call.job.owner === call.owner ? call.job : undefined;
}

/** The honest reply with a changed JSON object. */
export function withJson(honest: Reply, change: (json: Record<string, unknown>) => Record<string, unknown>): Reply {
  return { ...honest, json: change(honest.json as Record<string, unknown>) };
}
