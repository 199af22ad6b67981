import type { GenerationResult } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { mediaKinds, mediaOfField } from '../../domain/media.ts';
import type { Principal } from '../access/principal.ts';
import { inOwnWords } from '../api/own-words.ts';
import type { SeenGeneration } from '../generations/read-generations.ts';
import { wordsOf } from './state-words.ts';

/** The URLs of a request, absolute, on the origin that the client uses. */
export function urlsOf(origin: string, key: string) {
  const base = `${origin}/v1/requests/${key}`;
  return { status_url: `${base}/status`, result_url: `${base}/result`, cancel_url: `${base}/cancel` };
}

/** Body of `/status`, with RunComfy's fields only. */
export function statusReply(origin: string, key: string, generation: SeenGeneration): object {
  const { status } = wordsOf(generation);
  const { status_url, result_url } = urlsOf(origin, key);
  const position = status === 'in_queue' ? generation.queuePosition : undefined;
  return withoutUndefined({ request_id: key, status, queue_position: position, status_url, result_url });
}

/** Body of `/result`, with RunComfy's fields only. */
export function resultReply(
  key: string,
  generation: SeenGeneration,
  { principal, withCost }: { principal: Principal; withCost: boolean },
): object {
  const { result: status, error } = wordsOf(generation);
  const { ending, model, startedAt, closedAt } = generation;
  if (ending === undefined) return { request_id: key, status, model_id: model };
  const result = 'result' in ending ? ending.result : undefined;
  const costUsd = 'result' in ending ? ending.result.costUsd : ending.state.costUsd;
  return withoutUndefined({
    request_id: key,
    status,
    output: result && outputReply(result),
    error: error === undefined ? undefined : inOwnWords(principal, { message: error }, generation.key).message,
    created_at: result?.createdAt ?? timestamp(startedAt),
    finished_at: result?.finishedAt ?? timestamp(closedAt ?? startedAt),
    model_id: model,
    cost: withCost ? costUsd : undefined,
  });
}

/**
 * The files under RunComfy's field names. If these are not known, a single file is named by the singular of its kind,
 * and several by the plural.
 */
function outputReply({ output, outputKeys = [], other }: GenerationResult): object {
  const files = mediaKinds.flatMap((kind) => {
    const urls = output[`${kind}s`];
    const names = outputKeys.filter((name) => mediaOfField[name] === kind);
    if (urls.length === 0) return [];
    const usual = urls.length === 1 ? kind : `${kind}s`;
    return (names.length > 0 ? names : [usual]).map((name) => [name, name === kind ? urls[0] : urls] as const);
  });
  return { ...other, ...Object.fromEntries(files) };
}

/** A time in RunComfy's format. */
function timestamp(iso: string): string {
  return iso.replace(/(\.\d{3})Z$/, '$1000+00:00');
}
