// npm run bench:gateway                   the cost of a gateway compared with Temporal's client; about 17 minutes
// npm run bench:gateway -- --soak 60      how its memory grows in an hour of traffic
// npm run bench:gateway -- --campaign     1,000 POSTs with 100 keys: first five kills, then one reply in five cut
import { parseArgs } from 'node:util';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { runGatewayCampaign } from './support/gateway/campaign.ts';
import { cellsOf } from './support/gateway/figure.ts';
import { handWritten } from './support/gateway/hand-written.ts';
import { measureGateway } from './support/gateway/measure.ts';
import { soak } from './support/gateway/soak.ts';
import { quietTemporal } from './support/stack/quiet-temporal.ts';
import { say, startStack } from './support/stack/stack.ts';

const { values: options } = parseArgs({
  options: {
    campaign: { type: 'boolean', default: false },
    keys: { type: 'string', default: '100' },
    posts: { type: 'string', default: '1000' },
    open: { type: 'string', default: '1000' },
    listeners: { type: 'string', default: '2000' },
    soak: { type: 'string' },
  },
});

if (Number(options.listeners) % 400 !== 0) {
  say('--listeners must be a multiple of 400: as many on each of 200 generations by each of two gateways');
  process.exit(64);
}
quietTemporal();
const stack = await startStack();
try {
  if (options.campaign) await campaign();
  else await figures();
} finally {
  await stack.close();
}
process.exit();

async function figures(): Promise<void> {
  const { open, listeners, soak: minutes } = options;
  const rows =
    minutes === undefined
      ? [...(await measureGateway(stack, { open: Number(open), listeners: Number(listeners) })), ...handWritten()]
      : await soak(stack, Number(minutes));
  say(formatTable(['figure', 'gateway', 'direct', 'bound', 'held'], rows.map(cellsOf)));
  write(minutes === undefined ? 'gateway' : 'gateway-soak', rows);
  if (!rows.every(({ isHeld }) => isHeld)) process.exitCode = 1;
}

async function campaign(): Promise<void> {
  const rows = await runGatewayCampaign(stack, { keys: Number(options.keys), posts: Number(options.posts) });
  const head = ['trouble', 'POSTs', 'keys', 'kills', 'cuts', 'generations', 'jobs', 'bills', 'ended', 'seconds'];
  const lines = rows.map((row) =>
    [
      row.trouble,
      row.posts,
      row.keys,
      row.kills,
      row.cuts,
      row.generations,
      row.jobs,
      row.bills,
      row.ended,
      row.seconds.toFixed(1),
    ].map(String),
  );
  say(formatTable(head, lines));
  write('gateway-campaign', rows);
  const isRight = rows.every(({ keys, generations, jobs, bills, ended }) =>
    [generations, jobs, bills, ended].every((count) => count === keys),
  );
  if (!isRight) process.exitCode = 1;
}

function write(name: string, rows: readonly object[]): void {
  const about = { commit: describeCommit(), machine: describeMachine(), measuredAt: new Date().toISOString() };
  writeResults(name, { name, ...about, versions: versionsOf({ temporal: stack.serverVersion }), rows });
  say(`written to bench/results/${name}.json`);
}
