import type { GenerationOutput } from '../../domain/generation.ts';
import { walkJson } from '../../domain/json.ts';
import { modelKind, outputCountOf } from '../../runcomfy/models/index.ts';
import type { ModelFacts } from '../model-facts.ts';

const origin = 'https://not-made-yet.invalid/';

/** A text that stands in for an output not known yet, and names its step. */
export function standInOf(step: string, index: number, at: number): string {
  return `${origin}${step}/${String(index)}/${String(at)}`;
}

/** The step whose output a value depends on; undefined if the whole value is known. */
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

/** The expected output of an order, with as many stand-ins as its model and input imply. */
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
