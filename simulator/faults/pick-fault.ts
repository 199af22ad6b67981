import { isDeepStrictEqual } from 'node:util';
import { encodeReply, type Reply } from '../http/reply.ts';
import { createRandom } from '../world/random.ts';
import { faultsByName } from './fault-names.ts';
import type { FaultContext, WireAnswer } from './fault.ts';
import { type FaultRule, type FaultRuleState, parseFaultRules } from './rule.ts';

/** The fault rules in force. */
export interface FaultRules {
  /** Replaces all rules. Throws one sentence if a rule is wrong, and then changes nothing. */
  set: (rules: unknown) => void;
  restore: (rules: FaultRuleState[]) => void;
  list: () => FaultRuleState[];
  /** Ends the rules that strike until they are released, and lets the answers go that they hold back. */
  release: () => void;
  /** Resolves when the answers held back now may be sent. */
  untilReleased: () => Promise<void>;
  /** Applies the first rule that matches this call. */
  strike: (call: Omit<FaultContext, 'rule'>) => { rule: FaultRuleState; wireAnswer: WireAnswer } | undefined;
}

/** `onCount` is called for every call that a rule could have affected or did affect. */
export function createFaultRules(seed: () => number, onCount: () => void): FaultRules {
  let rules: FaultRuleState[] = [];
  let held: (() => void)[] = [];

  function letGo(): void {
    const going = held;
    held = [];
    for (const go of going) go();
  }

  function wants(rule: FaultRuleState, index: number, context: Omit<FaultContext, 'rule'>): boolean {
    const { call } = context;
    if (rule.step !== call.step || rule.isReleased === true) return false;
    if (rule.model !== undefined && rule.model !== (call.job?.model ?? call.model)) return false;
    if (rule.requestId !== undefined && rule.requestId !== call.requestId) return false;
    if (rule.times !== undefined && rule.fired >= rule.times) return false;
    if (faultsByName.get(rule.fault)?.applies?.({ ...context, rule }) === false) return false;
    rule.seen += 1;
    onCount();
    if (rule.seen <= (rule.skip ?? 0)) return false;
    return rule.probability === undefined || createRandom(seed(), index, rule.seen)() < rule.probability;
  }

  return {
    set(value) {
      rules = parseFaultRules(value, faultsByName).map((rule: FaultRule) => ({ ...rule, seen: 0, fired: 0 }));
      letGo();
    },
    restore(saved) {
      rules = saved;
    },
    list: () => rules.map((rule) => ({ ...rule })),
    release() {
      for (const rule of rules) if (rule.untilReleased === true) rule.isReleased = true;
      letGo();
    },
    untilReleased: () =>
      new Promise((resolve) => {
        held.push(resolve);
      }),
    strike(context) {
      for (const [index, rule] of rules.entries()) {
        const fault = faultsByName.get(rule.fault);
        if (fault === undefined || !wants(rule, index, context)) continue;
        rule.fired += 1;
        const wireAnswer = fault.act({ ...context, rule });
        if (fault.isInReplyAlone === true && isHonest(wireAnswer, context.proceed())) {
          rule.seen -= 1;
          rule.fired -= 1;
          continue;
        }
        onCount();
        return { rule, wireAnswer };
      }
      return undefined;
    },
  };
}

/** Whether the caller gets exactly the reply that it would have got without a fault. */
function isHonest(wireAnswer: WireAnswer, honest: Reply): boolean {
  if (wireAnswer.how !== 'reply' || wireAnswer.afterMs !== undefined) return false;
  return isDeepStrictEqual(encodeReply(wireAnswer.reply), encodeReply(honest));
}
