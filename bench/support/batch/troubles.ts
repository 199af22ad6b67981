import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { BatchCounts, BatchHandle, BatchLine } from '../../../client/index.ts';
import { batchItemKey, generationWorkflowType } from '../../../domain/names.ts';
import type { Simulator } from '../../../simulator/index.ts';
import { say } from '../stack/stack.ts';

/** How a batch has handled failing orders, lost replies and an empty wallet. */
export interface TroublesRow {
  /** The counts once the empty wallet had paused the batch; missing if it did not. */
  pausedByWallet?: BatchCounts;
  failedJobs: number;
  failedLines: number;
  /** How many of these lines fail because of the wallet; there should be none. */
  linesOfWallet: number;
  /** Items for which RunComfy has more than one order. */
  orderedTwice: number;
  /** Items that were refused and then ordered again. */
  givenBack: number;
  /** Those among `givenBack` without an order at RunComfy, whose line does not say that this is unknown. */
  givenBackAndLost: number;
}

const failing = 0.05;
const losing = 0.01;
const emptyAfter = 0.4;
/** The simulator's price of an order that succeeds. */
const priceUsd = 0.01;
const filledUsd = 100_000;

/**
 * Makes one order in twenty fail, loses the reply of one in a hundred, and empties the wallet once two fifths are paid.
 */
export function causeTroubles(simulator: Simulator, token: string, items: number): void {
  simulator.setFaults([
    { fault: 'job-fails', step: 'submit', probability: failing },
    { fault: 'accept-then-reset', step: 'submit', probability: losing },
  ]);
  simulator.setBalance(token, items * emptyAfter * priceUsd);
}

/**
 * Waits until the empty wallet has paused the batch and nothing is in flight. Then fills it and resumes, as a person
 * would.
 */
export async function fillWalletOnceEmpty(
  simulator: Simulator,
  token: string,
  batch: BatchHandle,
  giveUpAt: number,
): Promise<BatchCounts | undefined> {
  while (Date.now() < giveUpAt) {
    const state = await batch.state().catch(() => undefined);
    if (state?.paused?.reason === 'balance' && state.counts.inFlight === 0) {
      say(`the wallet is empty: ${JSON.stringify(state.counts)}`);
      simulator.setBalance(token, filledUsd);
      await batch.resume();
      return state.counts;
    }
    await sleep(500);
  }
  return undefined;
}

/** Compares the lines with the orders that RunComfy has. */
export async function countTroubles(
  { simulator, client }: { simulator: Simulator; client: Client },
  key: string,
  lines: readonly BatchLine[],
): Promise<Omit<TroublesRow, 'pausedByWallet'>> {
  const { jobs } = simulator.ledger();
  const ordered = countEach(jobs.map(({ input }) => `item-${String(input['prompt']).split(' ')[1] ?? ''}`));
  const runs = await countRuns(client);
  const givenBack = lines.filter(({ id }) => (runs.get(batchItemKey(key, id)) ?? 0) > 1);
  const failed = lines.filter(({ status }) => status === 'failed');
  return {
    failedJobs: jobs.filter(({ state }) => state === 'failed').length,
    failedLines: failed.length,
    linesOfWallet: failed.filter(({ error }) => error?.type === 'InsufficientBalance').length,
    orderedTwice: [...ordered.values()].filter((count) => count > 1).length,
    givenBack: givenBack.length,
    givenBackAndLost: givenBack.filter(({ id, status }) => !ordered.has(id) && status !== 'submission_unknown').length,
  };
}

/** How often each order was started: an order that is given back has one run for each time. */
async function countRuns(client: Client): Promise<Map<string, number>> {
  const query = `WorkflowType = '${generationWorkflowType}' AND ExecutionStatus != 'ContinuedAsNew'`;
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
  return countEach(ids);
}

function countEach(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
