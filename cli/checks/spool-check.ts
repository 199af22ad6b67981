import { unreadableFile } from '../../config/file-access.ts';
import { lateKey, maxWorkflowIdLength } from '../../domain/names.ts';
import type { SpooledRequest } from '../../worker/spool/request-spool.ts';
import type { ConnectedGenerations } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { shellQuote } from '../shell-quote.ts';
import type { Finding } from './health-checks.ts';

const check = 'spool';
const maxLookedAt = 50;

type Placed = SpooledRequest & { place: 'elsewhere' | 'open' | 'known' | 'lost' | 'unknown' };

/**
 * Reports request ids that a worker on this machine could not hand over: each is a paid request that its generation may
 * not know of. Without a connection, nothing is known of the generations.
 */
export async function checkSpool(stateDir: string, connected?: ConnectedGenerations): Promise<Finding> {
  const { openRequestSpool } = await import('../../worker/spool/request-spool.ts');
  const entries = await openRequestSpool(stateDir)
    .list()
    .catch((error: unknown) => {
      throw unreadableFile('RUNCOMFY_STATE_DIR', `the spool in ${stateDir}`, stateDir, error);
    });
  const placed = connected ? await placeAll(entries.slice(0, maxLookedAt), connected) : entries.map(unplaced);
  const left = [...placed, ...entries.slice(placed.length).map(unplaced)].filter(({ place }) => place !== 'known');
  const ours = left.filter(({ place }) => place !== 'elsewhere');
  if (left.length === 0) return { check, status: 'ok', message: 'no request id waits to be handed over' };
  if (ours.length === 0) {
    const message = `ids that belong to another server or namespace: ${listOf(left)}`;
    return { check, status: 'warning', message, fix: 'a worker there, with this RUNCOMFY_STATE_DIR, hands them over' };
  }
  const lost = ours.find(({ place }) => place === 'lost');
  const fix = lost
    ? `${lost.workflowId} ended without its id: ${collectsLost(lost)} collects the result`
    : 'a worker with the same RUNCOMFY_STATE_DIR hands them over once Temporal answers';
  return {
    check,
    status: 'failed',
    message: `not handed over yet: ${listOf(ours)}`,
    fix,
    exitCode: exitCodes.tryLater,
  };
}

/** The command that takes over a request whose generation has ended, under the key of its late result if that fits. */
export function collectsLost({ workflowId, requestId }: Pick<SpooledRequest, 'workflowId' | 'requestId'>): string {
  const late = lateKey(workflowId);
  const key = late.length > maxWorkflowIdLength ? requestId : late;
  return `\`runcomfy-temporal generate MODEL --request-id ${shellQuote(requestId)} --key ${shellQuote(key)}\``;
}

async function placeAll(entries: SpooledRequest[], { client }: ConnectedGenerations): Promise<Placed[]> {
  if (entries.length === 0) return [];
  const { identifyNamespace, locateSpooled } = await import('../../worker/history/locate-chain.ts');
  const home = await identifyNamespace(client);
  return await Promise.all(
    entries.map(async (entry) => ({ ...entry, place: (await locateSpooled(client, entry, home)).kind })),
  );
}

function unplaced(entry: SpooledRequest): Placed {
  return { ...entry, place: 'unknown' };
}

function listOf(entries: Placed[]): string {
  const shown = entries.slice(0, 10).map(({ requestId, workflowId }) => `${requestId} (generation ${workflowId})`);
  const more = entries.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`;
}
