// node --expose-gc --import tsx bench/support/pipeline/weigh-process.ts BUNDLE
import { readFileSync } from 'node:fs';
import { openSandbox, type SandboxRun } from '../../../test/support/workflow-sandbox.ts';

/** Generations held at once: as many as a worker caches by default. */
const generations = 500;

const [bundle = ''] = process.argv.slice(2);
const sandbox = await openSandbox({ code: readFileSync(bundle, 'utf8') }, 'here');
const held: SandboxRun[] = [];

// The first ones load the code that all share.
await hold(20);
const before = heapBytes();
await hold(generations);
const bytesPerGeneration = Math.round((heapBytes() - before) / generations);
process.stdout.write(JSON.stringify({ generations, bytesPerGeneration }));
process.exit(held.length === generations + 20 ? 0 : 1);

async function hold(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const workflowId = `generation-${String(held.length)}`;
    const request = { model: 'kling/kling-3.0/standard/image-to-video', input: { prompt: 'A cliff at golden hour' } };
    const run = await sandbox.open({
      workflowType: 'runcomfyGeneration',
      workflowId,
      runId: workflowId,
      args: [request],
      now: Date.UTC(2026, 10, 1),
    });
    await run.activate([run.first], { now: Date.UTC(2026, 10, 1) });
    held.push(run);
  }
}

function heapBytes(): number {
  for (let time = 0; time < 4; time += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
