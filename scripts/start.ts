import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { createGenerationClient } from '../client/index.ts';
import type { GenerationHandle } from '../client/index.ts';
import { ConfigError, readConfig } from '../config/env.ts';
import { expectedPriceUsd, klingImageToVideoId, klingImageToVideoPayload } from '../runcomfy/models/index.ts';
import type { DemoStack } from './demo-stack.ts';
import { simulatorToken, startDemoStack } from './demo-stack.ts';

const usage = `npm start                    one generation through a local Temporal server and a simulated RunComfy
npm start -- --keep          the same, and stays up for exploring
npm start -- --live [--yes]  the real API with your token: costs money`;

const say = (line: string) => {
  process.stdout.write(`${line}\n`);
};

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (!options) return 64;
  if (options.live && !(await mayGoLive(options.yes))) return 64;
  let stack: DemoStack | undefined;
  try {
    stack = await startDemoStack({ isLive: options.live, isKept: options.keep, say });
    await runSeed(stack, options.live);
    if (options.keep) await stayUp(stack);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof ConfigError ? error.exitCode : 1;
  } finally {
    await stack?.stop();
  }
}

function readOptions(): { keep: boolean; live: boolean; yes: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: { keep: { type: 'boolean' }, live: { type: 'boolean' }, yes: { type: 'boolean' } },
    });
    return { keep: values.keep === true, live: values.live === true, yes: values.yes === true };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    return undefined;
  }
}

async function mayGoLive(isConfirmed: boolean): Promise<boolean> {
  const { isCi, hasToken } = readConfig();
  const price = await expectedPriceUsd(klingImageToVideoId, { ...klingImageToVideoPayload });
  say(
    `--live orders one ${klingImageToVideoId} from RunComfy on your account: about $${(price ?? 0).toFixed(2)} by its published prices.`,
  );
  if (isCi) return refuse('--live never runs in CI.');
  if (!hasToken)
    return refuse('No token is set: put it into RUNCOMFY_API_TOKEN, or its file into RUNCOMFY_API_TOKEN_FILE.');
  if (isConfirmed) return true;
  if (!process.stdin.isTTY) return refuse('Not on a terminal: add --yes to agree to the cost.');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question('Order it? [y/N] ');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim()) || refuse('Nothing was ordered.');
}

function refuse(sentence: string): false {
  process.stderr.write(`${sentence}\n`);
  return false;
}

async function runSeed({ client, taskQueue, uiUrl, address, simulator }: DemoStack, isLive: boolean): Promise<void> {
  const generations = createGenerationClient({ client, taskQueue });
  const before = simulator?.ledger({ withJobs: false }).totals;
  const key = `${isLive ? 'live' : 'start'}-${randomUUID().slice(0, 8)}`;
  say(`workflow          ${key}\n`);
  const handle = await generations.start({ model: klingImageToVideoId, input: klingImageToVideoPayload }, { key });
  process.once('SIGINT', () => {
    say('\nasking RunComfy to cancel …');
    void handle.cancel('Ctrl-C').then(({ outcome }) => {
      say(`cancel: ${outcome}`);
    });
  });
  await showProgress(handle);
  const result = await handle.result();
  const { namespace } = client.options;
  say('');
  say(
    `output            ${[...result.output.videos, ...result.output.images, ...result.output.audios].join('\n                  ')}`,
  );
  say(`reads             ${String(result.reads)}`);
  if (simulator) {
    const { totals } = simulator.ledger({ withJobs: false });
    const jobs = totals.charged - (before?.charged ?? 0);
    const usd = totals.chargedUsd - (before?.chargedUsd ?? 0);
    say(`billed            ${String(jobs)} job${jobs === 1 ? '' : 's'}, $${usd.toFixed(2)} in the simulator's ledger`);
  } else {
    say(
      `billed            ${result.costUsd === undefined ? 'RunComfy has not stated the cost yet' : `$${result.costUsd.toFixed(2)}`}`,
    );
  }
  say(`workflow id       ${key}`);
  if (uiUrl !== undefined)
    say(
      `in Temporal's UI  ${uiUrl}/namespaces/${namespace}/workflows/${key} (while the server runs: npm start -- --keep)`,
    );
  else say(`in Temporal's UI  namespace ${namespace} of ${address}, workflow ${key}`);
}

async function showProgress(handle: GenerationHandle): Promise<void> {
  const startedAt = Date.now();
  for await (const { phase, queuePosition, reads } of handle.watch({ intervalMs: 500 })) {
    const elapsed = `${((Date.now() - startedAt) / 1000).toFixed(1)} s`.padStart(8);
    const position = queuePosition === undefined ? '' : `, position ${String(queuePosition)}`;
    say(`${elapsed}  ${phase.replaceAll('_', ' ')}${position}, ${String(reads)} reads`);
  }
}

async function stayUp({ address, simulator, taskQueue, uiUrl }: DemoStack): Promise<void> {
  say('\nStaying up until Ctrl-C. In another terminal:');
  say(`  export TEMPORAL_ADDRESS=${address} RUNCOMFY_TASK_QUEUE=${taskQueue}`);
  if (simulator) {
    say(
      `  export RUNCOMFY_MODEL_API_BASE=${simulator.modelApiBase} RUNCOMFY_SERVERLESS_API_BASE=${simulator.serverlessApiBase} RUNCOMFY_API_TOKEN=${simulatorToken}`,
    );
  }
  say('  bin/runcomfy-temporal list');
  if (uiUrl !== undefined) say(`  open ${uiUrl}`);
  if (simulator) say(`  curl -s ${simulator.url}/__sim/ledger`);
  process.removeAllListeners('SIGINT');
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => {
      resolve();
    });
    process.once('SIGTERM', () => {
      resolve();
    });
  });
}
