import { type Switches, switchTable } from './switches.ts';

/** What the simulator claims and what it does not, to be shown when it starts. */
export function fidelityStatement(switches: Switches): string {
  const lines = Object.entries(switchTable)
    .filter(([, { confidence }]) => confidence === 'assumed')
    .map(([name, { about }]) => `  ${name} = ${JSON.stringify(switches[name as keyof Switches])}: ${about}`);
  return [
    "This is a simulator of RunComfy's Model API. It follows RunComfy's documents and what its public clients expect;",
    'no call to the live service was made to check it. These points are assumptions, each a switch:',
    ...lines,
    "Prices that no page of RunComfy's states are made up, and so are all durations.",
  ].join('\n');
}
