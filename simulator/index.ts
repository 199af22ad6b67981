export { faultNames } from './faults/fault-names.ts';
export type { FaultRule } from './faults/rule.ts';
export { fidelityStatement } from './fidelity.ts';
export type { LedgerJob } from './ledger.ts';
export { scenarios } from './scenarios.ts';
export type { Simulator, SimulatorOptions } from './simulator.ts';
export { startSimulator } from './start-simulator.ts';
export type { Switches } from './switches.ts';
export { switchTable } from './switches.ts';
