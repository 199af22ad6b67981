// npm run bench:gateway -- --campaign     1,000 POSTs with 100 keys: the gateway killed five times, then one reply in five cut
import { parseArgs } from 'node:util';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { runGatewayCampaign } from './support/gateway/campaign.ts';
import { quietTemporal } from './support/stack/quiet-temporal.ts';
import { say, startStack } from './support/stack/stack.ts';

const { values: options } = parseArgs({
  options: {
    campaign: { type: 'boolean', default: false },
    keys: { type: 'string', default: '100' },
    posts: { type: 'string', default: '1000' },
  },
});

quietTemporal();
const about = () => ({ commit: describeCommit(), machine: describeMachine(), measuredAt: new Date().toISOString() });
if (!options.campaign) {
  say('Say what to run: --campaign');
  process.exit(64);
}
const stack = await startStack();
try {
  const rows = await runGatewayCampaign(stack, { keys: Number(options.keys), posts: Number(options.posts) });
  const head = ['trouble', 'POSTs', 'keys', 'kills', 'cuts', 'generations', 'jobs', 'bills', 'ended', 'seconds'];
  const lines = rows.map((row) =>
    [
      row.trouble,
      ...[row.posts, row.keys, row.kills, row.cuts, row.generations, row.jobs, row.bills, row.ended],
      row.seconds.toFixed(1),
    ].map(String),
  );
  say(formatTable(head, lines));
  const versions = versionsOf({ temporal: stack.serverVersion });
  writeResults('gateway-campaign', { name: 'gateway-campaign', ...about(), versions, rows });
  say('written to bench/results/gateway-campaign.json');
  const isRight = rows.every(({ keys, generations, jobs, bills, ended }) =>
    [generations, jobs, bills, ended].every((count) => count === keys),
  );
  if (!isRight) process.exitCode = 1;
} finally {
  await stack.close();
}
process.exit();
