// npm run bench:tasks    some minutes: CPU time of the first workflow task with the costliest accepted arguments
import { openSandbox, type Sandbox } from '../test/support/workflow-sandbox.ts';
import { bundleWorkflows } from '../worker/index.ts';
import { costlyPlaces, costlyTexts } from './support/figures/costly-inputs.ts';
import { describeMachine, formatTable } from './support/figures/report.ts';
import { say } from './support/stack/stack.ts';

const tries = 5;
const told = 20;

const { code } = await bundleWorkflows();
const sandbox = await openSandbox({ code }, 'here');
const rows: { ms: number; cells: string[] }[] = [];
for (const [workflowType, places] of Object.entries(costlyPlaces)) {
  for (const [at, place] of places.entries()) {
    for (const [text, json] of Object.entries(costlyTexts)) {
      const data = Buffer.from(place(json));
      let ms = Number.POSITIVE_INFINITY;
      for (let left = tries; left > 0; left -= 1) ms = Math.min(ms, await measure(sandbox, workflowType, data));
      rows.push({ ms, cells: [workflowType, String(at), text, ms.toFixed(0)] });
    }
  }
}
await sandbox.close();
const worst = rows.toSorted((a, b) => b.ms - a.ms).slice(0, told);
const lines = worst.map(({ cells }) => cells);
say(formatTable(['workflow', 'place', 'argument', 'CPU ms'], lines));
say(
  `${String(rows.length)} arguments, best of ${String(tries)}; the costliest ${String(told)} are told; ${describeMachine()}`,
);

/** CPU milliseconds of a workflow's first task. */
async function measure({ open }: Sandbox, workflowType: string, data: Buffer): Promise<number> {
  const workflowId = workflowType === 'runcomfyBudget' ? 'runcomfy-budget:acme' : 'costly';
  const run = await open({ workflowType, workflowId, runId: crypto.randomUUID(), args: [], now: Date.now() });
  const argument = { metadata: { encoding: Buffer.from('json/plain') }, data };
  const first = { initializeWorkflow: { ...run.first.initializeWorkflow, arguments: [argument] } };
  const before = process.cpuUsage();
  await run.activate([first], { now: Date.now() });
  const { user, system } = process.cpuUsage(before);
  await run.dispose();
  return (user + system) / 1000;
}
