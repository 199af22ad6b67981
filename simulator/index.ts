export { faultNames } from './faults/fault-names.ts';
export type { FaultRule } from './faults/rule.ts';
export { fidelityStatement } from './settings/fidelity.ts';
export type { LedgerJob } from './record/ledger.ts';
export { scenarios } from './settings/scenarios.ts';
export type { Simulator, SimulatorOptions } from './simulator.ts';
export { startSimulator } from './start-simulator.ts';
export { type Switches, switchTable } from './settings/switches.ts';
