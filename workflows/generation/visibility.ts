import { log, metricMeter, upsertSearchAttributes } from '@temporalio/workflow';
import type { GenerationResult, Phase } from '../../domain/generation.ts';
import { type SearchAttributeName, searchAttributes } from '../../domain/names.ts';
import type { Generation } from './memory.ts';

/** The one way into a phase; `show`: whether operators see it now or with what is shown next. */
export function enterPhase(generation: Generation, phase: Phase, show: 'now' | 'later'): void {
  generation.state.phase = phase;
  if (show === 'now') publish(generation);
}

/** Takes in which search attributes the server knows, where an answer says so. */
export function noteSearchAttributes({ shown }: Generation, known: string[] | undefined): void {
  if (known) shown.searchAttributes = known;
}

/** Shows the generation where operators look: in the search attributes that the server knows. */
export function publish({ state, shown }: Generation, more: { queueMs?: number; runMs?: number } = {}): void {
  const values: Record<SearchAttributeName, string | number | undefined> = {
    RunComfyModel: state.model,
    RunComfyRequestId: state.requestId,
    RunComfyPhase: state.phase,
    RunComfyCostUsd: state.costUsd,
    RunComfyQueueMs: more.queueMs,
    RunComfyRunMs: more.runMs,
  };
  const changed = shown.searchAttributes.flatMap((name) => {
    const value = isSearchAttribute(name) ? values[name] : undefined;
    if (!isSearchAttribute(name) || value === undefined || shown.published[name] === value) return [];
    shown.published[name] = value;
    const type = searchAttributes[name];
    return [{ key: { name, type: type === 'Keyword' ? 'KEYWORD' : type === 'Int' ? 'INT' : 'DOUBLE' }, value }];
  });
  if (changed.length > 0) upsertSearchAttributes(changed as Parameters<typeof upsertSearchAttributes>[0] & unknown[]);
}

/** Counts the end of a generation, once. */
export function countEnd({ state }: Generation, result?: GenerationResult): void {
  const tags = { outcome: state.phase, model: state.model };
  metricMeter.createCounter('runcomfy_generations', '{generation}', 'Generations by outcome').add(1, tags);
  metricMeter
    .createHistogram('runcomfy_generation_reads', 'int', '{read}', 'Status and result reads of one generation')
    .record(state.reads, tags);
  if (result?.timings.noticedAfterMs !== undefined) {
    metricMeter
      .createHistogram('runcomfy_noticed_after', 'int', 'ms', 'From the end at RunComfy to the read that saw it')
      .record(result.timings.noticedAfterMs, tags);
  }
  if (state.costUsd !== undefined) {
    metricMeter
      .createHistogram('runcomfy_generation_cost', 'float', 'USD', 'Cost of one generation as RunComfy states it')
      .record(state.costUsd, tags);
  }
  log.info('generation ended', {
    phase: state.phase,
    model: state.model,
    requestId: state.requestId,
    reads: state.reads,
    failure: state.failure?.type,
  });
}

function isSearchAttribute(name: string): name is SearchAttributeName {
  return Object.hasOwn(searchAttributes, name);
}
