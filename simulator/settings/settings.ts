import type { Profiles } from './profiles.ts';
import type { Switches } from './switches.ts';

/** What can be changed while the simulator runs, and survives with its state file. */
export interface Settings {
  seed: number;
  /** Profile durations are divided by it. */
  speed: number;
  switches: Switches;
  profiles: Profiles;
  /** Jobs accepted now wait in this stage until they are released. */
  hold: Hold | null;
  /** Name of the scenario that the rest began with. */
  scenario?: string;
  /** Added to the machine's clock. */
  clockOffsetMs: number;
}

export interface Hold {
  stage: 'queue' | 'run';
  /** Releases by itself once so many jobs were accepted under it. */
  untilAccepted?: number;
}
