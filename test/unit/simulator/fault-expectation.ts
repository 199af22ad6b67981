import { expect } from 'vitest';
import type { FaultRule, LedgerJob, Switches } from '../../../simulator/index.ts';
import type { Answer } from '../../support/simulator-client.ts';

export type Step = FaultRule['step'];
export type Outcome = Answer | { error: string };
/** `over`: the work has succeeded, and nobody has read it; `succeeded`: the result has told so. */
export type Stage = 'queued' | 'running' | 'over' | 'succeeded' | 'cancelled';

/** What is asked of a fault at one step. */
export interface Expectation {
  /** Parameters of the rule. */
  rule?: Partial<FaultRule>;
  /** Under which the honest reply is another one. */
  switches?: Partial<Switches>;
  /** Where the job stands before the call; of steps other than submit. */
  stage?: Stage;
  /** What the caller sees. */
  seen: (outcome: Outcome, honest: HonestFacts) => void;
  /** State and charge of the job after its usual time; `none`: no job came to be. */
  becomes?: LedgerJob['state'] | 'none';
}

export interface HonestFacts {
  id: string;
  outputUrl: string;
  origin: string;
}

export const refused = 'none' as const;

export function answer(outcome: Outcome): Answer {
  if ('error' in outcome) throw new Error(`The call failed with ${outcome.error}.`);
  return outcome;
}

/** The caller gets this status and, where given, these parts of the JSON body. */
export function gets(status: number, json?: Record<string, unknown>): Expectation['seen'] {
  return (outcome) => {
    expect(answer(outcome).status).toBe(status);
    if (json !== undefined) expect(answer(outcome).json).toMatchObject(json);
  };
}

export function getsText(status: number, text: string | RegExp): Expectation['seen'] {
  return (outcome) => {
    expect(answer(outcome).status).toBe(status);
    if (typeof text === 'string') expect(answer(outcome).text).toBe(text);
    else expect(answer(outcome).text).toMatch(text);
  };
}

/** The connection ends with this error, or the body does. */
function fails(error: RegExp): Expectation['seen'] {
  return (outcome) => {
    expect('error' in outcome ? outcome.error : 'answered').toMatch(error);
  };
}

export function getsOutput(make: (facts: HonestFacts) => unknown): Expectation {
  return {
    stage: 'succeeded',
    becomes: 'succeeded',
    seen: (outcome, facts) => {
      expect(answer(outcome).json['status']).toBe('succeeded');
      expect(answer(outcome).json['output']).toEqual(make(facts));
    },
  };
}

export function headerIs(name: string, value: string | null): Expectation['seen'] {
  return (outcome) => {
    expect(answer(outcome).headers.get(name)).toBe(value);
  };
}

export function all(...checks: Expectation['seen'][]): Expectation['seen'] {
  return (outcome, facts) => {
    for (const check of checks) check(outcome, facts);
  };
}

export const reset = fails(/ECONNRESET|other side closed|socket hang up/);
export const cut = fails(/terminated|other side closed|ECONNRESET/);
export const late = fails(/aborted/);
export const delayed: Expectation = {
  rule: { delayMs: 20 },
  seen: (outcome) => {
    expect(answer(outcome).status).toBeLessThan(300);
  },
};
export const everyDay = (expectation: Expectation) => ({ '*': expectation });
