import {
  CancellationScope,
  log,
  metricMeter,
  patched,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { GenerationResult, Phase } from '../../domain/generation.ts';
import { isSameJson } from '../../domain/json.ts';
import { modelLabelOf, otherModel } from '../../domain/model-label.ts';
import {
  type KnownAttributes,
  type SearchAttributeName,
  searchAttributeNames,
  searchAttributes,
} from '../../domain/names.ts';
import { legacyLocalChecks } from '../activity-options.ts';
import { askForAttributes } from '../known-attributes.ts';
import { labelsShown } from '../labels.ts';
import { readActivityError } from './activity-error.ts';
import type { Generation, Shown } from './memory.ts';
import { runErrand } from './open-work.ts';

/**
 * How long an answer about search attributes is believed, in milliseconds. One may be removed while generations run,
 * and the server fails every workflow task that sets it. So Temporal is asked first after this time, and in a task that
 * has failed for this long.
 */
const believedForMs = 30_000;

/** Longest value of a search attribute that PostgreSQL and MySQL keep, in characters. */
const maxKeywordLength = 255;

/** The only way into a phase. `show`: whether it is published now or with the next change. */
export function enterPhase(generation: Generation, phase: Phase, show: 'now' | 'later'): void {
  generation.state.phase = phase;
  if (show === 'now') publish(generation);
}

/** Records which search attributes the server knows, if an answer says so, and as of when. */
export function noteSearchAttributes({ shown }: Generation, told: Partial<KnownAttributes>): void {
  const { searchAttributes, searchAttributesAsOf } = told;
  if (!searchAttributes) return;
  shown.searchAttributes = searchAttributes;
  shown.attributesAsOf = new Date().toISOString();
  shown.attributesToldAsOf = searchAttributesAsOf;
}

/** RunComfy has taken an order of this model, or named it in a result. */
export function noteModelKnown({ shown }: Generation): void {
  shown.isModelKnown = true;
}

/** The model's name in metrics and search attributes. */
export function modelLabel({ state, shown }: Generation): string {
  return modelLabelOf(state.model, shown.isModelKnown);
}

/** Publishes the generation in the search attributes that the server knows. */
export function publish(generation: Generation, durations?: Shown['durations']): void {
  const { shown } = generation;
  if (durations) shown.durations = durations;
  if (changesOf(generation).length === 0) return;
  if (!isStale(generation) || !mayAsk()) {
    setAttributes(generation);
  } else if (!shown.isAsking) {
    shown.isAsking = true;
    runErrand(
      generation,
      CancellationScope.nonCancellable(() => askAndSet(generation)),
    );
  }
}

type AttributePairs = ReturnType<ReturnType<typeof workflowInfo>['typedSearchAttributes']['getAll']>;

/**
 * The search attributes for the next run of this generation, if Temporal would not let it inherit all of them;
 * undefined if nothing suggests that.
 */
export async function attributesToCarry(generation: Generation): Promise<AttributePairs | undefined> {
  const inherited = workflowInfo().typedSearchAttributes.getAll();
  if (inherited.length === 0 || !isStale(generation) || !mayAsk()) return undefined;
  const existing = await askFor(inherited.map(({ key }) => key.name));
  return existing && inherited.filter(({ key }) => existing.includes(key.name));
}

/**
 * Whether the last answer about search attributes is too old. An answer may have been in the history for as long as no
 * worker processed it, and each attempt of the task that does would take it for new. Older workers did so even if the
 * answer says as of when it was given.
 */
function isStale({ shown: { attributesAsOf, attributesToldAsOf } }: Generation): boolean {
  if (attributesAsOf === undefined || isOld(attributesAsOf)) return true;
  return attributesToldAsOf !== undefined && isOld(attributesToldAsOf) && patched('search-attributes-age-untaken');
}

function isOld(time: string): boolean {
  return Date.now() - Date.parse(time) > believedForMs;
}

function mayAsk(): boolean {
  return isAnyWorkerAsked() || patched('search-attributes-may-go');
}

/**
 * Whether any worker is asked, by a normal activity. Other answers may come meanwhile, and a replay sees the end of a
 * local activity before them.
 */
function isAnyWorkerAsked(): boolean {
  return patched('search-attributes-are-asked-of-any-worker');
}

async function askAndSet(generation: Generation): Promise<void> {
  const asOf = isAnyWorkerAsked() ? { searchAttributesAsOf: new Date().toISOString() } : {};
  const existing = await askFor(searchAttributeNames);
  generation.shown.isAsking = false;
  // Without an answer nothing is published: search attributes can be done without, a paid generation cannot.
  if (!existing) return;
  noteSearchAttributes(generation, { searchAttributes: existing, ...asOf });
  setAttributes(generation);
}

async function askFor(names: string[]): Promise<string[] | undefined> {
  if (isAnyWorkerAsked()) return await askForAttributes(names, believedForMs);
  try {
    return (await legacyLocalChecks.listSearchAttributes({ names })).existing;
  } catch (error) {
    log.warn('Temporal does not say which search attributes there are', { reason: readActivityError(error).message });
    return undefined;
  }
}

function setAttributes(generation: Generation): void {
  const changes = changesOf(generation);
  for (const { key, value } of changes) generation.shown.published[key.name] = value;
  // `published` has the whole values, as older workers record them; a value that differs from the recorded one is set
  // again.
  const pairs = changes.map(({ key, value }) => ({ key, value: isTooLong(value) ? otherModel : value }));
  if (pairs.length > 0) upsertSearchAttributes(pairs as Parameters<typeof upsertSearchAttributes>[0] & unknown[]);
}

/** Only a model can be too long, and PostgreSQL then keeps no record of the run at all. */
function isTooLong(value: unknown): boolean {
  return typeof value === 'string' && value.length > maxKeywordLength;
}

function changesOf(generation: Generation) {
  const { state, shown } = generation;
  const values: Record<SearchAttributeName, string | number | string[] | undefined> = {
    RunComfyModel: modelLabel(generation),
    RunComfyRequestId: state.requestId,
    RunComfyPhase: state.phase,
    RunComfyCostUsd: state.costUsd,
    RunComfyQueueMs: shown.durations.queueMs,
    RunComfyRunMs: shown.durations.runMs,
    RunComfyLabels: labelsShown(),
  };
  return shown.searchAttributes.flatMap((name) => {
    const value = isSearchAttribute(name) ? values[name] : undefined;
    if (!isSearchAttribute(name) || value === undefined || isSameJson(shown.published[name], value)) return [];
    return [{ key: { name, type: wireTypes[searchAttributes[name]] }, value }];
  });
}

/** Counts the end of a generation, once. */
export function countEnd(generation: Generation, result?: GenerationResult): void {
  const { state } = generation;
  const tags = { outcome: state.phase, model: modelLabel(generation) };
  metricMeter.createCounter('runcomfy_generations', '{generation}', 'Generations by outcome').add(1, tags);
  metricMeter
    .createHistogram('runcomfy_generation_reads', 'int', '{read}', 'Status and result reads of one generation')
    .record(state.reads, tags);
  if (result?.timings.noticedAfterMs !== undefined) {
    metricMeter
      .createHistogram('runcomfy_noticed_after', 'int', 'ms', 'From the end at RunComfy to the read that saw it')
      .record(result.timings.noticedAfterMs, tags);
  }
  if (state.costUsd !== undefined) countCost(state.costUsd, tags);
  log.info('generation ended', {
    phase: state.phase,
    model: state.model,
    requestId: state.requestId,
    reads: state.reads,
    failure: state.failure?.type,
  });
}

/** Counts what a further request of this order cost. */
export function countFurtherCost(generation: Generation, costUsd: number): void {
  countCost(costUsd, { outcome: 'further_request', model: modelLabel(generation) });
}

function countCost(costUsd: number, tags: { outcome: string; model: string }): void {
  // A histogram accepts nothing below zero, and an error here would fail every task of a paid generation.
  if (!(costUsd >= 0)) return;
  metricMeter
    .createHistogram('runcomfy_generation_cost', 'float', 'USD', 'Cost of one generation as RunComfy states it')
    .record(costUsd, tags);
}

const wireTypes = { Keyword: 'KEYWORD', Int: 'INT', Double: 'DOUBLE', KeywordList: 'KEYWORD_LIST' } as const;

function isSearchAttribute(name: string): name is SearchAttributeName {
  return Object.hasOwn(searchAttributes, name);
}
