import type { Client } from '@temporalio/client';
import { LRUCache } from 'lru-cache';
import { isGenerationError } from '../../client/index.ts';
import {
  type DescribedGeneration,
  describeGeneration,
  listOpenGenerations,
  type OpenGeneration,
} from '../../client/operator/index.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { isPassing, patiently, readPatienceMs } from './patiently.ts';
import { isBefore, type LastSeen, noEarlier } from './reading/no-earlier.ts';
import { createOpenLists } from './reading/open-lists.ts';

/**
 * How old the state of a running generation may be, by how it was read: individually (`asked`), from the periodic list
 * (`listed`), or from that while the next list is in flight (`listing`), as reading each one then would slow a slow
 * Temporal further.
 */
const freshMs = { asked: 1_000, listed: 4_000, listing: 10_000 };
/** A generation covered by lists is read individually at least this often: lists lack fields, and may lag behind. */
const askedForMs = { brief: 60_000, whole: 20_000 };
/** Cache size, in units: a running generation is 1, an ended one 1 for each `charactersOfOne` of its end. */
const maxKept = 10_000;
const charactersOfOne = 100;
/** The most units that one result counts for, however long it is. */
const largest = 1_000;
const listMs = 10_000;
/** How long a read waits for Temporal if a cached state can be returned instead. */
const patienceWithStateMs = 3_000;
/** With less time left than this, Temporal is not asked again. */
const leastPatienceMs = 1_000;
/**
 * A caller that polled this recently may get a listed state although its read is `mustBeNow`; longer than the polling
 * interval of clients.
 */
const againWithinMs = 6_000;
/**
 * An end cached for longer than this is still returned, but read again in the background: an operator may have reset
 * the workflow, or retention may have removed it.
 */
const finalMs = 60_000;
/**
 * Most generations per `askedForWithinMs` whose worker is queried, for the position in the queue or for a phase that no
 * record has.
 */
const maxAskedFor = 50;
const askedForWithinMs = 5_000;
const positionMs = 2_000;

/** A generation as it was at some time. */
export interface SeenGeneration extends DescribedGeneration {
  /** Age in seconds; set only if Temporal could not be asked anew. */
  ageS?: number;
}

/** How much of a generation is read; `whole`: with its state, which takes a worker's time while it runs. */
export type Depth = 'brief' | 'whole';

/** Requirements of a read. */
export interface ReadOptions {
  /**
   * Never answer "running" from the cache, since another gateway may have reported the end already; except to a caller
   * that polls and was told so a moment ago. The position in the queue is not read.
   */
  mustBeNow?: boolean;
  /**
   * Reads only Temporal's records, within this many ms; a running generation without a recorded phase is `submitting`.
   */
  byRecordsWithinMs?: number;
}

/** Reads the state of generations, by their Workflow IDs. */
export interface GenerationReader {
  read: (workflowId: string, depth?: Depth, options?: ReadOptions) => Promise<SeenGeneration>;
  /** The cached state, however old. */
  known: (workflowId: string) => SeenGeneration | undefined;
  /** Caches a generation that was just started. */
  note: (workflowId: string, started: { runId: string; model: string }) => void;
  /** Makes the next read ask Temporal, as the generation was changed. */
  refresh: (workflowId: string) => void;
}

/** The calls to Temporal that the reader makes. */
export interface GenerationReads {
  describe: typeof describeGeneration;
  listOpen: typeof listOpenGenerations;
}

/** How a generation is read. */
interface Asked {
  isOneOfMany: boolean;
  /** When to stop waiting for Temporal, by `performance.now()`, even if a state is cached. */
  giveUpAt?: number;
  isWithoutPosition?: boolean;
  isByRecords?: boolean;
}

/** A cached generation; its times are by the monotonic clock, which is never set back. */
interface Known extends LastSeen {
  /** Until then, lists may refresh it. */
  listedUntil: number;
  /** It was changed since, or a list contradicts it. */
  isStale: boolean;
}

/**
 * Reads generations, with one call in flight for each, and open ones by lists while many are read. Caches what cannot
 * change, and answers from the cache while Temporal is away.
 */
export function createGenerationReader(
  client: Client,
  { describe, listOpen }: GenerationReads = { describe: describeGeneration, listOpen: listOpenGenerations },
): GenerationReader {
  const known = new LRUCache<string, Known>({
    max: maxKept,
    maxSize: maxKept,
    sizeCalculation: ({ generation: { ending } }) => (ending === undefined ? 1 : sizeOf(ending)),
  });
  const unanswered = new Map<string, { depth: Depth; asked: Promise<SeenGeneration> }>();
  const toldAt = new LRUCache<string, number>({ max: maxKept });
  const askedFor = new LRUCache<string, true>({ max: maxAskedFor, ttl: askedForWithinMs });

  const mayAskWorker = (workflowId: string): boolean => {
    if (!askedFor.has(workflowId) && askedFor.size >= maxAskedFor && !askedFor.purgeStale()) return false;
    askedFor.set(workflowId, true);
    return true;
  };

  // The index may lag behind, so a list neither makes an end known nor undoes a later phase.
  const takeListed = (workflowId: string, listed: OpenGeneration | undefined, listedAt: number) => {
    const last = known.get(workflowId);
    if (last === undefined || last.generation.ending || last.readAt > listedAt) return;
    const { generation } = last;
    if (listed?.runId !== generation.runId || isBefore(listed.phase, generation.phase)) {
      known.set(workflowId, { ...last, isStale: true });
      return;
    }
    const { phase, requestId = generation.requestId } = listed;
    const state = phase === generation.phase ? generation.state : undefined;
    const told = withoutUndefined({ ...generation, phase, requestId, queuePosition: undefined, state });
    known.set(workflowId, { ...last, generation: told, readAt: listedAt });
  };
  const lists = createOpenLists((keys) => patiently(client, listMs, () => listOpen(client, keys)), takeListed);

  const ask = async (
    workflowId: string,
    depth: Depth,
    { isOneOfMany, giveUpAt, isWithoutPosition = false, isByRecords = false }: Asked,
    isNewest: () => boolean,
  ): Promise<SeenGeneration> => {
    const last = known.get(workflowId);
    const { phase, model } = last?.generation ?? {};
    const mayAskPosition = phase === 'in_queue' && !isOneOfMany && !isWithoutPosition && mayAskWorker(workflowId);
    const isTakenToWait = phase === 'submitting' && isOneOfMany && !mayAskWorker(workflowId);
    const options = {
      withState: depth === 'whole',
      model,
      positionWithinMs: mayAskPosition ? positionMs : undefined,
      unsaidPhase: isTakenToWait || isByRecords ? ('submitting' as const) : undefined,
    };
    const readAt = performance.now();
    try {
      const isTellable = last !== undefined && isDeepEnough(last.generation, depth);
      const ownMs = isTellable ? patienceWithStateMs : readPatienceMs;
      const forMs = giveUpAt === undefined ? ownMs : giveUpAt - readAt;
      const call = (answeredBy: number) => describe(client, workflowId, { ...options, answeredBy });
      const found = await patiently(client, forMs, call, { asksOthers: true });
      const generation = noEarlier(known.get(workflowId), found, readAt);
      const listedUntil = readAt + askedForMs[depth] * (0.5 + Math.random() / 2);
      known.set(workflowId, { generation, readAt, listedUntil, isStale: !isNewest() });
      return generation;
    } catch (error) {
      if (isGenerationError(error) && error.type === 'KeyNotFound') known.delete(workflowId);
      // A list may have refreshed it meanwhile.
      const newest = known.get(workflowId);
      const best = newest && isDeepEnough(newest.generation, depth) ? newest : last;
      if (best === undefined || !isDeepEnough(best.generation, depth) || !isPassing(error)) throw error;
      return withAge(best);
    }
  };

  const askOnce = (workflowId: string, depth: Depth, how: Asked): Promise<SeenGeneration> => {
    const underWay = unanswered.get(workflowId);
    if (underWay && (depth === 'brief' || underWay.depth === 'whole')) return underWay.asked;
    const isNewest = () => unanswered.get(workflowId)?.asked === asked;
    const asked: Promise<SeenGeneration> = ask(workflowId, depth, how, isNewest).finally(() => {
      if (isNewest()) unanswered.delete(workflowId);
    });
    unanswered.set(workflowId, { depth, asked });
    return asked;
  };

  /** Uses a read that begins now or later: the one in flight may have begun before the change that has to be seen. */
  const askFromNow = async (workflowId: string, depth: Depth, how: Asked): Promise<SeenGeneration> => {
    const before = await unanswered.get(workflowId)?.asked.catch((error: unknown) => {
      if (isPassing(error) && isTimeUp(how)) throw error;
    });
    if (before?.ageS !== undefined && isDeepEnough(before, depth) && isTimeUp(how)) return before;
    return askOnce(workflowId, depth, how);
  };

  /** A state as current as any that another gateway may have reported; waits for Temporal up to `readPatienceMs`. */
  const askForNow = async (workflowId: string, depth: Depth, isOneOfMany: boolean): Promise<SeenGeneration> => {
    const how = { isOneOfMany, giveUpAt: performance.now() + readPatienceMs, isWithoutPosition: true };
    let told = await askFromNow(workflowId, depth, how);
    // That was the read of another caller, which gave up earlier.
    while (told.ageS !== undefined && !isTimeUp(how)) told = await askOnce(workflowId, depth, how);
    return told;
  };

  const readAny = (workflowId: string, depth: Depth, mustBeNow: boolean): Promise<SeenGeneration> => {
    const last = known.get(workflowId);
    const isOneOfMany = last !== undefined && !last.generation.ending && lists.join(workflowId);
    if (last && isFinal(last) && isDeepEnough(last.generation, depth)) {
      if (performance.now() - last.readAt > finalMs)
        askOnce(workflowId, depth, { isOneOfMany: false }).catch(() => undefined);
      return Promise.resolve(last.generation);
    }
    // While few generations are read each answer is current, since another gateway may have reported the end.
    const isAgain = isOneOfMany && performance.now() - (toldAt.get(workflowId) ?? -Infinity) < againWithinMs;
    if (mustBeNow && !isAgain) return askForNow(workflowId, depth, isOneOfMany);
    const how = { isOneOfMany, isWithoutPosition: mustBeNow };
    // A generation that ended without a bill may have been started again through another gateway.
    if (last?.generation.ending) return askFromNow(workflowId, depth, how);
    const told = isOneOfMany && (lists.isUnderWay() ? 'listing' : 'listed');
    if (last && isDeepEnough(last.generation, depth) && isFresh(last, told)) return Promise.resolve(last.generation);
    return askOnce(workflowId, depth, how);
  };

  return {
    async read(workflowId, depth = 'brief', { mustBeNow = false, byRecordsWithinMs } = {}) {
      if (byRecordsWithinMs !== undefined) {
        const how = { isOneOfMany: false, isWithoutPosition: true, isByRecords: true };
        const giveUpAt = performance.now() + byRecordsWithinMs;
        return ask(workflowId, depth, { ...how, giveUpAt }, () => false);
      }
      const told = await readAny(workflowId, depth, mustBeNow);
      if (mustBeNow && told.ending === undefined && told.ageS === undefined) toldAt.set(workflowId, performance.now());
      return told;
    },
    known(workflowId) {
      const last = known.get(workflowId);
      return last && withAge(last);
    },
    note(workflowId, { runId, model }) {
      if (known.get(workflowId)?.generation.runId === runId) return;
      const readAt = performance.now();
      const startedAt = new Date().toISOString();
      const generation: DescribedGeneration = { key: workflowId, runId, model, phase: 'submitting', startedAt };
      known.set(workflowId, { generation, readAt, listedUntil: 0, isStale: true });
    },
    refresh(workflowId) {
      unanswered.delete(workflowId);
      const last = known.get(workflowId);
      if (last) known.set(workflowId, { ...last, isStale: true });
    },
  };
}

function isTimeUp({ giveUpAt = 0 }: Asked): boolean {
  return giveUpAt - performance.now() < leastPatienceMs;
}

function withAge({ generation, readAt }: Known): SeenGeneration {
  return { ...generation, ageS: Math.ceil((performance.now() - readAt) / 1_000) };
}

function sizeOf(ending: object): number {
  try {
    return Math.min(1 + Math.floor(JSON.stringify(ending).length / charactersOfOne), largest);
  } catch {
    // Results written by other clients may be nested too deeply to be measured.
    return largest;
  }
}

/** Whether a cached end is final: only an order that cost nothing can be started again under its key. */
function isFinal({ generation: { ending }, isStale }: Known): boolean {
  if (isStale || ending === undefined) return false;
  if ('result' in ending) return true;
  const { state } = ending;
  // A worker may later tell the outcome of a workflow that was cancelled as such.
  const isUntold = state.phase === 'cancelled' && state.isFromServer && state.cancel?.outcome === undefined;
  return !isUntold && !isUnbilled(state.submission);
}

function isFresh({ readAt, listedUntil, isStale }: Known, told: 'listed' | 'listing' | false): boolean {
  const now = performance.now();
  return !isStale && now - readAt < freshMs[told && now < listedUntil ? told : 'asked'];
}

function isDeepEnough({ state }: DescribedGeneration, depth: Depth): boolean {
  return depth === 'brief' || state !== undefined;
}
