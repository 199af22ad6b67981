import { randomUUID } from 'node:crypto';
import { createGenerationClient } from '../../client/index.ts';
import { bundledModels, expectedPriceUsd } from '../../runcomfy/models/index.ts';
import type { DevStack } from './stack.ts';

const [{ modelId: model, example }] = bundledModels;

/** What the clip of the demonstration costs by RunComfy's published prices. */
export async function demoClipPrice(): Promise<{ model: string; usd: number }> {
  const usd = await expectedPriceUsd(model, { ...example });
  return { model, usd: usd ?? 0 };
}

/** Orders one clip, tells how it goes and what it cost; Ctrl-C cancels it. */
export async function makeDemoClip(
  { client, taskQueue, uiUrl, address, namespace, simulator }: DevStack,
  say: (line: string) => void,
): Promise<void> {
  const generations = createGenerationClient({ client, taskQueue });
  const before = simulator?.ledger({ withJobs: false }).totals;
  const key = `${simulator ? 'start' : 'live'}-${randomUUID().slice(0, 8)}`;
  say(`workflow          ${key}`);
  say('');
  const handle = await generations.start({ model, input: example }, { key });
  const cancel = () => {
    say('asking RunComfy to cancel …');
    void handle.cancel('Ctrl-C').then(
      ({ outcome }) => {
        say(`cancel: ${outcome}`);
      },
      (error: unknown) => {
        say(`the cancel could not be delivered: ${String(error)}`);
      },
    );
  };
  process.once('SIGINT', cancel);
  try {
    const startedAt = Date.now();
    for await (const { phase, queuePosition, reads } of handle.watch({ intervalMs: 500 })) {
      const elapsed = `${((Date.now() - startedAt) / 1000).toFixed(1)} s`.padStart(8);
      const position = queuePosition === undefined ? '' : `, position ${String(queuePosition)}`;
      say(`${elapsed}  ${phase.replaceAll('_', ' ')}${position}, ${String(reads)} reads`);
    }
    const { output, reads, costUsd } = await handle.result();
    const files = [...output.videos, ...output.images, ...output.audios];
    say('');
    say(`output            ${files.join('\n                  ')}`);
    say(`reads             ${String(reads)}`);
    if (simulator) {
      const { totals } = simulator.ledger({ withJobs: false });
      const jobs = totals.charged - (before?.charged ?? 0);
      const usd = totals.chargedUsd - (before?.chargedUsd ?? 0);
      say(
        `billed            ${String(jobs)} job${jobs === 1 ? '' : 's'}, $${usd.toFixed(2)} in the simulator's ledger`,
      );
    } else {
      say(
        `billed            ${costUsd === undefined ? 'RunComfy has not stated the cost yet' : `$${costUsd.toFixed(2)}`}`,
      );
    }
    say(`workflow id       ${key}`);
    const place =
      uiUrl === undefined
        ? `namespace ${namespace} of ${address}, workflow ${key}`
        : `${uiUrl}/namespaces/${namespace}/workflows/${key} (while the server runs)`;
    say(`in Temporal's UI  ${place}`);
  } finally {
    process.off('SIGINT', cancel);
  }
}
