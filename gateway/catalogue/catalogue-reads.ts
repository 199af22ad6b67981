import { LRUCache } from 'lru-cache';
import { RefusalError } from '../http/refusal-error.ts';
import { inTime } from '../http/waiting.ts';
import { catalogueAway, ofCatalogue } from './of-catalogue.ts';

const maxBytes = 64 * 1024 * 1024;
/** Most cached questions, as callers may ask anything. */
const maxKept = 10_000;
/** Size of an entry beside its answer, in bytes: an empty answer takes memory, too. */
const bytesBeside = 500;
const lastGoodMs = 24 * 60 * 60_000;

/** RunComfy's answer, and its age in seconds if it could not be read anew. */
export interface CatalogueReading {
  text: string;
  ageS?: number;
}

/** How old an answer may be, in milliseconds. */
export interface Freshness {
  freshMs: number;
  /** If RunComfy cannot be asked, an answer of up to a day is used. */
  mayBeOld: boolean;
}

/** Freshness of what is said about models, in all APIs. */
export const catalogueFresh: Freshness = { freshMs: 30_000, mayBeOld: true };

export type CatalogueReads = ReturnType<typeof createCatalogueReads>;

/**
 * Cached reads of the catalogue and the wallet; equal concurrent questions share one read. `undefined` is passed on and
 * not cached.
 */
export function createCatalogueReads() {
  const known = new LRUCache<string, { text: string; readAt: number }>({
    max: maxKept,
    maxSize: maxBytes,
    sizeCalculation: ({ text }, question) => question.length + text.length + bytesBeside,
    ttl: lastGoodMs,
  });
  const unanswered = new Map<string, Promise<CatalogueReading | undefined>>();

  const ask = async (
    question: string,
    { mayBeOld }: Freshness,
    read: () => Promise<string | undefined>,
  ): Promise<CatalogueReading | undefined> => {
    const readAt = performance.now();
    try {
      const text = await ofCatalogue(read);
      if (text === undefined) return undefined;
      known.set(question, { text, readAt });
      return { text };
    } catch (error) {
      const isAway = error instanceof RefusalError && error.refusal === 'CatalogueUnavailable';
      if (isAway && mayBeOld) return lastGood(question, error);
      throw error;
    }
  };

  const lastGood = (question: string, away: RefusalError): CatalogueReading => {
    const last = known.get(question);
    if (!last) throw away;
    return { text: last.text, ageS: Math.ceil((performance.now() - last.readAt) / 1_000) };
  };

  const readNow = (question: string, freshness: Freshness, read: () => Promise<string | undefined>) => {
    const last = known.get(question);
    if (last && performance.now() - last.readAt < freshness.freshMs) return Promise.resolve({ text: last.text });
    const underWay = unanswered.get(question);
    if (underWay) return underWay;
    const asked = ask(question, freshness, read).finally(() => unanswered.delete(question));
    unanswered.set(question, asked);
    return asked;
  };

  /** `withinMs`: how long to wait for RunComfy; default: without limit. */
  return (
    question: string,
    freshness: Freshness,
    read: () => Promise<string | undefined>,
    withinMs?: number,
  ): Promise<CatalogueReading | undefined> => {
    const reading = readNow(question, freshness, read);
    if (withinMs === undefined) return reading;
    return inTime(reading, withinMs, () => {
      if (freshness.mayBeOld) return lastGood(question, catalogueAway());
      throw catalogueAway();
    });
  };
}
