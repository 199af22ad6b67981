import { randomUUID } from 'node:crypto';
import { createGenerationClient, GenerationError, type GenerationHandle } from '../../client/index.ts';
import { messageOf } from '../../domain/text.ts';
import { bundledModels, expectedPriceUsd } from '../../runcomfy/models/index.ts';
import type { Interrupts } from '../interrupts.ts';
import type { DevStack } from './stack.ts';

const [{ modelId: model, example }] = bundledModels;

/** The price of the demo clip by RunComfy's published prices. */
export async function demoClipPrice(): Promise<{ model: string; usd: number }> {
  const usd = await expectedPriceUsd(model, { ...example });
  return { model, usd: usd ?? 0 };
}

/**
 * Orders one clip, shows its progress and what it cost. Ctrl-C cancels it; a second Ctrl-C stops waiting for it, as
 * does any other signal once the cancel is answered.
 */
export async function makeDemoClip(
  { client, taskQueue, uiUrl, address, namespace, simulator }: DevStack,
  say: (line: string) => void,
  { interrupts, signal: stopped }: { interrupts: Interrupts; signal: AbortSignal },
): Promise<void> {
  const generations = createGenerationClient({ client, taskQueue });
  const before = simulator?.ledger({ withJobs: false }).totals;
  const key = `${simulator ? 'start' : 'live'}-${randomUUID().slice(0, 8)}`;
  say(`workflow          ${key}`);
  say('');
  const handle = await generations.start({ model, input: example }, { key });
  const { signal, stop } = leaveOn(interrupts, { handle, taskQueue }, say);
  // Aborted while the clip was being ordered.
  if (stopped.aborted) stop();
  const startedAt = Date.now();
  for await (const { phase, queuePosition, reads } of handle.watch({ intervalMs: 500, signal })) {
    const elapsed = `${((Date.now() - startedAt) / 1000).toFixed(1)} s`.padStart(8);
    const position = queuePosition === undefined ? '' : `, position ${String(queuePosition)}`;
    say(`${elapsed}  ${phase.replaceAll('_', ' ')}${position}, ${String(reads)} reads`);
  }
  const { output, reads, costUsd } = await handle.result({ signal });
  const files = [...output.videos, ...output.images, ...output.audios];
  say('');
  say(`output            ${files.join('\n                  ')}`);
  say(`reads             ${String(reads)}`);
  if (simulator) {
    const { totals } = simulator.ledger({ withJobs: false });
    const jobs = totals.charged - (before?.charged ?? 0);
    const usd = totals.chargedUsd - (before?.chargedUsd ?? 0);
    say(`billed            ${String(jobs)} job${jobs === 1 ? '' : 's'}, $${usd.toFixed(2)} in the simulator's ledger`);
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
}

/** Cancels the clip at the first interrupt. The returned signal aborts when waiting is to stop. */
function leaveOn(
  interrupts: Interrupts,
  { handle, taskQueue }: { handle: GenerationHandle; taskQueue: string },
  say: (line: string) => void,
) {
  const { key } = handle;
  const left = new AbortController();
  let cancelling: Promise<void> | undefined;
  const cancel = async () => {
    say('asking RunComfy to cancel …');
    try {
      const { outcome } = await handle.cancel('Ctrl-C');
      say(`cancel: ${outcome}`);
    } catch (error) {
      say(`the cancel could not be delivered: ${messageOf(error)}`);
    }
  };
  const leave = () => {
    const message = `the clip was left before its end (workflow ${key}): what RunComfy has of it may run on and be billed; a worker of task queue ${taskQueue} goes on with it`;
    left.abort(new GenerationError({ type: 'StillRunning', message, key }));
  };
  const stop = () => {
    if (cancelling) leave();
    else cancelling = cancel().then(leave);
  };
  interrupts.answer({
    onFirst: () => {
      cancelling ??= cancel();
    },
    onDetach: stop,
  });
  return { signal: left.signal, stop };
}
