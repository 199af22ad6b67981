import { walkJson } from '../../domain/json.ts';

/** All URLs anywhere in a value. */
export function urlsIn(value: unknown): string[] {
  return [...walkJson(value)].flatMap(({ value: text }) =>
    typeof text === 'string' && /^https?:\/\//i.test(text) ? [text] : [],
  );
}
