import type { FaultRule, FaultRuleState } from './faults/rule.ts';
import type { SimulatorEvent } from './record/events.ts';
import type { Ledger } from './record/ledger.ts';
import type { TrafficSecond } from './record/traffic.ts';
import type { Profiles } from './settings/profiles.ts';
import type { Hold } from './settings/settings.ts';
import type { Switches } from './settings/switches.ts';

export interface SimulatorOptions {
  /** Default 0: any free port. */
  port?: number;
  /**
   * Default 127.0.0.1. Other addresses than loopback are at the caller's own risk, since the control API needs no
   * token.
   */
  host?: string;
  /** The same seed gives the same ids, times and probabilities. */
  seed?: number;
  /** With 10, everything takes a tenth of the time. */
  speed?: number;
  /** Name of a scenario. */
  scenario?: string;
  /** File in which jobs, wallets, settings and counters survive a restart. */
  stateFile?: string;
  switches?: Partial<Switches>;
  profiles?: Profiles;
  faults?: FaultRule[];
  /** Called with every event as a line of JSON. */
  log?: (line: string) => void;
  /** The source of the time, for tests. */
  clock?: { now: () => number };
}

/** What a test or a person can do to a running simulator. `/__sim/` offers the same over HTTP. */
export interface SimulatorControls {
  ledger: (options?: { withJobs?: boolean }) => Ledger;
  /** The latest events after number `after`, oldest first. */
  events: (after?: number) => SimulatorEvent[];
  /** Calls per second, oldest first. */
  traffic: () => TrafficSecond[];
  switches: () => Switches;
  setSwitches: (patch: Partial<Switches>) => void;
  profiles: () => Profiles;
  setProfiles: (profiles: Profiles) => void;
  faults: () => FaultRuleState[];
  /** Replaces all fault rules. */
  setFaults: (rules: readonly FaultRule[]) => void;
  /** Replaces the current switches, profiles and faults with those of a scenario. */
  setScenario: (name: string) => void;
  /** Sets the balance of a token. */
  setBalance: (token: string, usd: number) => void;
  /** From now on, accepted jobs wait in a stage until they are released. */
  hold: (hold?: Hold) => void;
  /**
   * Without ids, ends a hold and every rule that strikes until it is released. With ids, lets these held or stuck jobs
   * go on. Returns the number of jobs released.
   */
  release: (requestIds?: readonly string[]) => number;
  advanceClock: (ms: number) => void;
  /** For a while, refuses connections (`refuse`), or accepts and resets them (`reset`). */
  outage: (ms: number, mode?: 'refuse' | 'reset') => Promise<void>;
  /** Forgets jobs, wallets, counters, events and fault rules. With a seed, the random streams start anew. */
  reset: (options?: { seed?: number }) => void;
}

export interface Simulator extends SimulatorControls {
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The value for `RUNCOMFY_MODEL_API_BASE`. */
  readonly modelApiBase: string;
  /** The value for `RUNCOMFY_SERVERLESS_API_BASE`. */
  readonly serverlessApiBase: string;
  close: () => Promise<void>;
}
