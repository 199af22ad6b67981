import type { GenerationOutput } from '../../domain/generation.ts';
import { isJsonObject, jsonBytes } from '../../domain/json.ts';
import { mediaKinds, mediaOfField, type OutputKey } from '../../domain/media.ts';
import { cutText } from '../../domain/text.ts';
import { inputKeys, namedTexts, urlKeys, webAddress } from './output.ts';

const maxOtherBytes = 16 * 1024;

/** A whole file as a data URI would leave no room for the rest. */
const maxTextLength = 1_000;

/**
 * What an output says beside its URLs: its own names of them, where they are not the usual ones, its other fields, and
 * what in its documented fields is no URL of the web.
 */
export interface OutputDetails {
  outputKeys?: OutputKey[];
  other?: Record<string, unknown>;
  /** The documented fields that hold more than URLs of the web, whether or not `other` has room for that. */
  unreadKeys?: string[];
}

/** Takes from an output what a reply of the same shape needs beside the URLs; too much of it is left out. */
export function outputDetailsOf(found: unknown, output: GenerationOutput): OutputDetails {
  const fields = isJsonObject(found) ? found : {};
  const names = Object.keys(fields);
  const keys = names.filter((name): name is OutputKey => {
    const kind = Object.hasOwn(mediaOfField, name) ? mediaOfField[name] : undefined;
    return kind !== undefined && output[`${kind}s`].length > 0;
  });
  const usual = mediaKinds.flatMap((kind): OutputKey[] => {
    const { length } = output[`${kind}s`];
    return length === 0 ? [] : [length === 1 ? kind : `${kind}s`];
  });
  const isUsual = keys.length === 0 || (keys.length === usual.length && keys.every((key) => usual.includes(key)));
  const documented = [...Object.keys(mediaOfField), ...urlKeys];
  const rest = names.filter((name) => !documented.includes(name) && !inputKeys.includes(name));
  const further = Object.fromEntries(rest.map((name) => [name, fields[name]]));
  const files = isJsonObject(found)
    ? Object.entries(found).filter(([name]) => documented.includes(name))
    : [['output', found] as const];
  const unread = Object.fromEntries(
    files.flatMap(([name, value]) => {
      const texts = unreadIn(value);
      return texts.length === 0 ? [] : [[name, typeof value === 'string' ? texts[0] : texts]];
    }),
  );
  const other = [{ ...further, ...unread }, further].find((one) => jsonBytes(one) <= maxOtherBytes) ?? {};
  return {
    ...(!isUsual && { outputKeys: keys }),
    ...(Object.keys(other).length > 0 && { other }),
    ...(Object.keys(unread).length > 0 && { unreadKeys: Object.keys(unread) }),
  };
}

/** Texts where files are expected, but no addresses of the web. */
function unreadIn(value: unknown): string[] {
  return [...namedTexts(value)]
    .map(([text]) => text.trim())
    .filter((text) => text !== '' && webAddress(text) === undefined)
    .map((text) => cutText(text, maxTextLength));
}
