import type { Client } from '@temporalio/client';
import { LRUCache } from 'lru-cache';
import { type DescribedGeneration, describeGeneration } from '../../client/operator/index.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import { phases } from '../../domain/generation.ts';
import { isPassing, patiently } from './patiently.ts';

/** How old the state of a generation may be that may change. */
const freshMs = 1_000;
const maxKept = 10_000;
/** With a known state at hand, and without one: a client gives up, or ends for good, at the first refusal. */
const patienceMs = { known: 3_000, unknown: 18_000 };
/** Only so many generations have their place in the queue asked for: it costs a worker's time. */
const maxPositions = 50;
const positionMs = 2_000;
const positionsOverMs = 5_000;

/** A generation as it was at a moment. */
export interface SeenGeneration extends DescribedGeneration {
  /** Seconds since it was read, where Temporal could not be asked anew. */
  ageS?: number;
}

/** How much of a generation is read; `whole`: with its state, which takes a worker's time while it runs. */
export type Depth = 'brief' | 'whole';

/** Where generations stand, by their Workflow IDs. */
export interface GenerationReader {
  read: (workflowId: string, depth?: Depth) => Promise<SeenGeneration>;
  /** Notes a generation that was just started. */
  note: (workflowId: string, started: { runId: string; model: string }) => void;
  /** Has the next read ask Temporal: something was done to the generation. */
  refresh: (workflowId: string) => void;
}

interface Known {
  generation: DescribedGeneration;
  readAt: number;
  /** Something was done to it since. */
  isStale: boolean;
}

/** Reads generations by one call at a time for each, keeps what cannot change, and bridges an absence of Temporal. */
export function createGenerationReader(client: Client): GenerationReader {
  const known = new LRUCache<string, Known>({ max: maxKept });
  const reading = new Map<string, { depth: Depth; asked: Promise<SeenGeneration> }>();
  const positions = new LRUCache<string, true>({ max: maxPositions, ttl: positionsOverMs });

  const mayAskPosition = (workflowId: string, last: Known | undefined): boolean => {
    if (last?.generation.phase !== 'in_queue') return false;
    if (!positions.has(workflowId) && positions.size >= maxPositions && !positions.purgeStale()) return false;
    positions.set(workflowId, true);
    return true;
  };

  const ask = async (workflowId: string, depth: Depth, isNewest: () => boolean): Promise<SeenGeneration> => {
    const last = known.get(workflowId);
    const options = {
      withState: depth === 'whole',
      model: last?.generation.model,
      positionWithinMs: mayAskPosition(workflowId, last) ? positionMs : undefined,
    };
    const readAt = Date.now();
    try {
      const found = await patiently(client, last ? patienceMs.known : patienceMs.unknown, () =>
        describeGeneration(client, workflowId, options),
      );
      const generation = noEarlier(known.get(workflowId)?.generation, found);
      known.set(workflowId, { generation, readAt, isStale: !isNewest() });
      return generation;
    } catch (error) {
      if (last === undefined || !isDeepEnough(last.generation, depth) || !isPassing(error)) throw error;
      return { ...last.generation, ageS: Math.ceil((Date.now() - last.readAt) / 1_000) };
    }
  };

  return {
    read(workflowId, depth = 'brief') {
      const last = known.get(workflowId);
      if (last && isDeepEnough(last.generation, depth) && (isFinal(last.generation) || isFresh(last))) {
        return Promise.resolve(last.generation);
      }
      const underWay = reading.get(workflowId);
      if (underWay && (depth === 'brief' || underWay.depth === 'whole')) return underWay.asked;
      const isNewest = () => reading.get(workflowId)?.asked === asked;
      const asked: Promise<SeenGeneration> = ask(workflowId, depth, isNewest).finally(() => {
        if (isNewest()) reading.delete(workflowId);
      });
      reading.set(workflowId, { depth, asked });
      return asked;
    },
    note(workflowId, { runId, model }) {
      if (known.get(workflowId)?.generation.runId === runId) return;
      const readAt = Date.now();
      const startedAt = new Date(readAt).toISOString();
      const generation: DescribedGeneration = { key: workflowId, runId, model, phase: 'submitting', startedAt };
      known.set(workflowId, { generation, readAt, isStale: true });
    },
    refresh(workflowId) {
      reading.delete(workflowId);
      const last = known.get(workflowId);
      if (last) known.set(workflowId, { ...last, isStale: true });
    },
  };
}

/** Nothing can change any more: only an order that cost nothing may be made anew under the same key. */
function isFinal({ ending }: DescribedGeneration): boolean {
  return ending !== undefined && ('result' in ending || !isUnbilled(ending.state.submission));
}

function isFresh({ readAt, isStale }: Known): boolean {
  return !isStale && Date.now() - readAt < freshMs;
}

/** What was seen to run is not shown to wait again; a new run of a key that had ended begins anew. */
function noEarlier(last: DescribedGeneration | undefined, found: DescribedGeneration): DescribedGeneration {
  const isEarlier = last !== undefined && !last.ending && !found.ending && isRunning(last) && !isRunning(found);
  if (!isEarlier) return found;
  const { phase } = last;
  return { ...found, phase, ...(found.state && { state: { ...found.state, phase } }) };
}

function isDeepEnough({ state }: DescribedGeneration, depth: Depth): boolean {
  return depth === 'brief' || state !== undefined;
}

function isRunning({ phase }: DescribedGeneration): boolean {
  return phases.indexOf(phase) >= phases.indexOf('in_progress');
}
