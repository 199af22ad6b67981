import type { Profiles } from './profiles.ts';
import type { Switches } from './switches.ts';

/** Settings that can be changed while the simulator runs, and are kept in its state file. */
export interface Settings {
  seed: number;
  /** Durations of profiles are divided by this. */
  speed: number;
  switches: Switches;
  profiles: Profiles;
  /** Newly accepted jobs wait in this stage until they are released. */
  hold: Hold | null;
  /** Name of the scenario that the other settings started from. */
  scenario?: string;
  /** Milliseconds added to the machine's clock. */
  clockOffsetMs: number;
}

export interface Hold {
  stage: 'queue' | 'run';
  /** Ends the hold and releases its jobs once this many jobs were accepted under it. */
  untilAccepted?: number;
}
