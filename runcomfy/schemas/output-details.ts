import type { GenerationOutput } from '../../domain/generation.ts';
import { isJsonObject, jsonBytes } from '../../domain/json.ts';
import { mediaKinds, mediaOfField, type OutputKey } from '../../domain/media.ts';
import { inputKeys, urlKeys } from './output.ts';

const maxOtherBytes = 16 * 1024;

/** What an output says beside its URLs: its own names of them, where they are not the usual ones, and its other fields. */
export interface OutputDetails {
  outputKeys?: OutputKey[];
  other?: Record<string, unknown>;
}

/** Takes from an output what a reply of the same shape needs beside the URLs; too much of it is left out. */
export function outputDetailsOf(found: unknown, output: GenerationOutput): OutputDetails {
  if (!isJsonObject(found)) return {};
  const names = Object.keys(found);
  const keys = names.filter((name): name is OutputKey => {
    const kind = Object.hasOwn(mediaOfField, name) ? mediaOfField[name] : undefined;
    return kind !== undefined && output[`${kind}s`].length > 0;
  });
  const usual = mediaKinds.flatMap((kind): OutputKey[] => {
    const { length } = output[`${kind}s`];
    return length === 0 ? [] : [length === 1 ? kind : `${kind}s`];
  });
  const isUsual = keys.length === 0 || (keys.length === usual.length && keys.every((key) => usual.includes(key)));
  const known = [...Object.keys(mediaOfField), ...urlKeys, ...inputKeys];
  const rest = names.filter((name) => !known.includes(name));
  const other = Object.fromEntries(rest.map((name) => [name, found[name]]));
  return {
    ...(!isUsual && { outputKeys: keys }),
    ...(rest.length > 0 && jsonBytes(other) <= maxOtherBytes && { other }),
  };
}
