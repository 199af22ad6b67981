import { isJsonObject, isSameJson, jsonPath } from '../../domain/json.ts';

const maxNamed = 5;

/** An order as its workflow was started with it. */
export interface EarlierOrder {
  model?: unknown;
  input?: unknown;
}

/** Why an order has another key than the one that an earlier run made in its place. */
export function whatChanged(before: EarlierOrder, now: { model: string; input: Record<string, unknown> }): string {
  if (before.model !== now.model) return `model changed: was ${String(before.model)}`;
  const paths = [...differences(before.input, now.input, '$')];
  if (paths.length === 0) return 'take changed';
  const more = paths.length > maxNamed ? ` and ${String(paths.length - maxNamed)} more` : '';
  return `input changed: ${paths.slice(0, maxNamed).join(', ')}${more}`;
}

/** JSONPaths of the innermost places where two documents differ. */
function* differences(before: unknown, now: unknown, path: string): Generator<string> {
  if (isSameJson(before, now)) return;
  if (isJsonObject(before) && isJsonObject(now)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
      yield* differences(before[key], now[key], jsonPath(path, key));
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(now) && before.length === now.length) {
    for (const [index, item] of now.entries()) yield* differences(before[index], item, jsonPath(path, index));
    return;
  }
  yield path;
}
