import type { GenerationOutput } from '../../domain/generation.ts';
import { walkJson } from '../../domain/json.ts';
import { modelKind, outputCountOf } from '../../runcomfy/models/index.ts';
import type { ModelFacts } from '../model-facts.ts';

const origin = 'https://not-made-yet.invalid/';

/** What stands in for a value that is not known yet: a text that tells whose it is. */
export function standInOf(step: string, index: number, at: number): string {
  return `${origin}${step}/${String(index)}/${String(at)}`;
}

/** The step whose output a value waits for; undefined where all of it is known. */
export function awaitedBy(value: unknown): string | undefined {
  for (const { value: text } of walkJson(value)) {
    const from = typeof text === 'string' ? text.indexOf(origin) : -1;
    if (from >= 0)
      return String(text)
        .slice(from + origin.length)
        .split('/')[0];
  }
  return undefined;
}

/** What an order is going to make, as far as its model and its input tell: as many outputs as are asked for. */
export function outputToCome(
  { step, index, model, facts }: { step: string; index: number; model: string; facts: ModelFacts },
  input: Record<string, unknown>,
): GenerationOutput {
  const entry = 'entry' in facts ? facts.entry : undefined;
  const kind = modelKind(model, entry?.categories ?? []);
  const count = entry === undefined ? 1 : outputCountOf(entry, input);
  const urls = Array.from({ length: Math.min(count, 20) }, (_, at) => standInOf(step, index, at));
  const of = (wanted: typeof kind) => (kind === undefined || kind === wanted ? urls : []);
  return { images: of('image'), videos: of('video'), audios: of('audio') };
}
