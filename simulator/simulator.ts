import type { FaultRule, FaultRuleState } from './faults/rule.ts';
import type { SimulatorEvent } from './record/events.ts';
import type { Ledger } from './record/ledger.ts';
import type { TrafficSecond } from './record/traffic.ts';
import type { Profiles } from './settings/profiles.ts';
import type { Hold } from './settings/settings.ts';
import type { Switches } from './settings/switches.ts';

export interface SimulatorOptions {
  /** 0, the default: any free port. */
  port?: number;
  /** Default 127.0.0.1; anything but loopback is the caller's own decision, since the control API asks for no token. */
  host?: string;
  /** Ids, times and probabilities repeat with the same seed. */
  seed?: number;
  /** 10: everything takes a tenth of the time. */
  speed?: number;
  /** Name of a scenario. */
  scenario?: string;
  /** Jobs, wallets, settings and counters survive a restart in this file. */
  stateFile?: string;
  switches?: Partial<Switches>;
  profiles?: Profiles;
  faults?: FaultRule[];
  /** Sees every event as a line of JSON. */
  log?: (line: string) => void;
  /** For tests: where the time comes from. */
  clock?: { now: () => number };
}

/** What a test or a person may do to a running simulator; `/__sim/` offers the same over HTTP. */
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
  /** Puts a scenario in the place of the present switches, profiles and faults. */
  setScenario: (name: string) => void;
  /** Sets the balance of a token. */
  setBalance: (token: string, usd: number) => void;
  /** Jobs accepted from now on wait in a stage until they are released. */
  hold: (hold?: Hold) => void;
  /** Ends a hold and every rule that strikes until then, or lets single held or stuck jobs go on; returns how many jobs. */
  release: (requestIds?: readonly string[]) => number;
  advanceClock: (ms: number) => void;
  /** Refuses connections for a while (`refuse`), or takes and resets them (`reset`). */
  outage: (ms: number, mode?: 'refuse' | 'reset') => Promise<void>;
  /** Forgets jobs, wallets, counters, events and fault rules; with a seed the random streams begin anew. */
  reset: (options?: { seed?: number }) => void;
}

export interface Simulator extends SimulatorControls {
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** What `RUNCOMFY_MODEL_API_BASE` is set to. */
  readonly modelApiBase: string;
  /** What `RUNCOMFY_SERVERLESS_API_BASE` is set to. */
  readonly serverlessApiBase: string;
  close: () => Promise<void>;
}
