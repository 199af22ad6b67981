import type { Activities } from '../../../domain/activities.ts';
import type { Ending, GenerationRun, Rig } from '../../support/generations.ts';

/** One control-flow shape of the workflow: how to make it happen, and how it must end. */
export interface Shape {
  activities: () => Partial<Activities>;
  run: (rig: Rig) => Promise<GenerationRun>;
  end: Pick<Ending, 'type'> & { phase: Ending['state']['phase'] };
}
