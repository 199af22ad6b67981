import type { Step } from '../api/call.ts';
import { cancelFaults } from './cancel-faults.ts';
import type { Fault } from './fault.ts';
import { fileFaults } from './file-faults.ts';
import { resultFaults } from './result-faults.ts';
import { statusFaults } from './status-faults.ts';
import { submitFaults } from './submit-faults.ts';
import { transportFaults } from './transport-faults.ts';

const faults: readonly Fault[] = [
  ...submitFaults,
  ...transportFaults,
  ...statusFaults,
  ...resultFaults,
  ...cancelFaults,
  ...fileFaults,
];

/** Every fault by its name. */
export const faultsByName: ReadonlyMap<string, Fault> = new Map(faults.map((fault) => [fault.name, fault]));

/** The faults that can be injected: name, group, the steps they apply to, and a sentence on what they do. */
export const faultNames: readonly {
  readonly name: string;
  readonly group: number;
  readonly steps: readonly Step[];
  readonly sentence: string;
}[] = faults.map(({ name, group, steps, sentence }) => ({ name, group, steps, sentence }));
