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
 * How old a state of a running generation may be, by how it was read: asked for by itself; from the periodic list of many
 * (`listed`); from it while the next list is still under way (`listing`), as asking for each would make a slow Temporal slower.
 */
const freshMs = { asked: 1_000, listed: 4_000, listing: 10_000 };
/** A generation that lists tell of is described by itself at least this often: lists lack fields, and may lag behind. */
const askedForMs = { brief: 60_000, whole: 20_000 };
/** Size of the cache, in units: a running generation is one, an ended one a unit for each `charactersOfOne` of its end. */
const maxKept = 10_000;
const charactersOfOne = 100;
/** The most units that one result counts for, however long it is. */
const largest = 1_000;
const listMs = 10_000;
/** How long a read waits for Temporal where a cached state could be answered instead. */
const patienceWithStateMs = 3_000;
/** With less time left than this, Temporal is not asked again. */
const leastPatienceMs = 1_000;
/** A caller that polled this recently may be answered from lists though its read `mustBeNow`; longer than clients' polling interval. */
const againWithinMs = 6_000;
/** An ended generation cached for longer is answered from the cache and read again behind that: an operator may have reset it, or its retention passed. */
const finalMs = 60_000;
/** At most this many generations per `askedForWithinMs` have their worker queried, for the place in the queue or a phase that no record tells. */
const maxAskedFor = 50;
const askedForWithinMs = 5_000;
const positionMs = 2_000;

/** A generation as it was at a moment. */
export interface SeenGeneration extends DescribedGeneration {
  /** Seconds since it was read, where Temporal could not be asked anew. */
  ageS?: number;
}

/** How much of a generation is read; `whole`: with its state, which takes a worker's time while it runs. */
export type Depth = 'brief' | 'whole';

/** What a reader of a generation cannot do without. */
export interface ReadOptions {
  /**
   * Never answer "running" from the cache, since another gateway may have told the end already; except to a caller that was
   * told so a moment ago and polls. The place in the queue is not needed.
   */
  mustBeNow?: boolean;
  /** Reads Temporal's records alone, for at most this many ms; a running generation without a recorded phase is `submitting`. */
  byRecordsWithinMs?: number;
}

/** Where generations stand, by their Workflow IDs. */
export interface GenerationReader {
  read: (workflowId: string, depth?: Depth, options?: ReadOptions) => Promise<SeenGeneration>;
  /** What is known of one, however old. */
  known: (workflowId: string) => SeenGeneration | undefined;
  /** Notes a generation that was just started. */
  note: (workflowId: string, started: { runId: string; model: string }) => void;
  /** Has the next read ask Temporal: something was done to the generation. */
  refresh: (workflowId: string) => void;
}

/** What the reader asks of Temporal. */
export interface GenerationReads {
  describe: typeof describeGeneration;
  listOpen: typeof listOpenGenerations;
}

/** How a generation is asked for. */
interface Asked {
  isOneOfMany: boolean;
  /** However much is known of it, Temporal is awaited until then. */
  giveUpAt?: number;
  isWithoutPosition?: boolean;
  isByRecords?: boolean;
}

/** Its time is by a clock that is never set back, as all ages here. */
interface Known extends LastSeen {
  /** Lists may tell of it until then. */
  listedUntil: number;
  /** Something was done to it since. */
  isStale: boolean;
}

/**
 * Reads generations by one call at a time for each, and many that run by lists; keeps what cannot change, and bridges an
 * absence of Temporal.
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

  // An index is behind at times: it makes no end known, and nothing undone.
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
      // A list may have told of it meanwhile.
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

  /** By a read that begins now at the earliest: the one under way may have begun before what has to be told. */
  const askFromNow = async (workflowId: string, depth: Depth, how: Asked): Promise<SeenGeneration> => {
    const before = await unanswered.get(workflowId)?.asked.catch((error: unknown) => {
      if (isPassing(error) && isTimeUp(how)) throw error;
    });
    if (before?.ageS !== undefined && isDeepEnough(before, depth) && isTimeUp(how)) return before;
    return askOnce(workflowId, depth, how);
  };

  /** As another gateway may have told it, however long Temporal takes. */
  const askForNow = async (workflowId: string, depth: Depth, isOneOfMany: boolean): Promise<SeenGeneration> => {
    const how = { isOneOfMany, giveUpAt: performance.now() + readPatienceMs, isWithoutPosition: true };
    let told = await askFromNow(workflowId, depth, how);
    // It was another's read, who waits less.
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
    // Where few are read, each answer is of now: another gateway may have told the end since.
    const isAgain = isOneOfMany && performance.now() - (toldAt.get(workflowId) ?? -Infinity) < againWithinMs;
    if (mustBeNow && !isAgain) return askForNow(workflowId, depth, isOneOfMany);
    const how = { isOneOfMany, isWithoutPosition: mustBeNow };
    // What has ended for nothing may run again by now, by the word of another gateway.
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
    // Results that others wrote may be nested deeper than can be measured.
    return largest;
  }
}

/** Nothing changes any more by itself: only an order that cost nothing may be made anew under the same key. */
function isFinal({ generation: { ending }, isStale }: Known): boolean {
  if (isStale || ending === undefined) return false;
  if ('result' in ending) return true;
  const { state } = ending;
  // Of a workflow that was cancelled as such a worker may tell later what RunComfy made of it.
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
