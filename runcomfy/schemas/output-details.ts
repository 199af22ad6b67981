import type { GenerationOutput } from '../../domain/generation.ts';
import { isJsonObject, jsonBytes } from '../../domain/json.ts';
import { type MediaKind, mediaKinds, mediaOfField, type OutputKey } from '../../domain/media.ts';
import { cutText } from '../../domain/text.ts';
import { inputKeys, kindOfField, namedTexts, type OutputContext, readOutput, urlKeys, webAddress } from './output.ts';

const maxOtherBytes = 16 * 1024;

/** Length to which each text without a web URL is cut: a whole file as a data URI would leave no room for the rest. */
const maxTextLength = 1_000;

/**
 * What an output holds besides its URLs: the keys that hold them if they are not the usual ones, its other fields, and
 * the texts in its documented fields that are no web URLs.
 */
export interface OutputDetails {
  outputKeys?: OutputKey[];
  other?: Record<string, unknown>;
  /** The documented fields that hold more than web URLs, even if `other` has no room for them. */
  unreadKeys?: string[];
}

/** Takes from an output what a reply of the same shape needs besides the URLs. More than 16 KiB of JSON is left out. */
export function outputDetailsOf(found: unknown, output: GenerationOutput, context: OutputContext): OutputDetails {
  const fields = isJsonObject(found) ? found : {};
  const names = Object.keys(fields);
  const keys = names.filter((name): name is OutputKey => {
    const kind = kindOfField(name);
    return kind !== undefined && output[`${kind}s`].length > 0;
  });
  const usual = mediaKinds.flatMap((kind): OutputKey[] => {
    const { length } = output[`${kind}s`];
    return length === 0 ? [] : [length === 1 ? kind : `${kind}s`];
  });
  const isUsual = keys.length === 0 || (keys.length === usual.length && keys.every((key) => usual.includes(key)));
  const documented = [...Object.keys(mediaOfField), ...urlKeys];
  const taken = new Set(urlsOf(output).map(webAddress));
  const isLink = (name: string) =>
    urlKeys.includes(name) && urlsOf(readOutput(fields[name], context)).some((url) => !taken.has(webAddress(url)));
  const rest = names.filter((name) => isLink(name) || !(documented.includes(name) || inputKeys.includes(name)));
  const further = Object.fromEntries(rest.map((name) => [name, fields[name]]));
  const files = isJsonObject(found)
    ? Object.entries(found).filter(([name]) => documented.includes(name))
    : [['output', found] as const];
  const unread = Object.fromEntries(
    files.flatMap(([name, value]) => {
      const texts = unreadIn(value, kindOfField(name));
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

function urlsOf({ images, videos, audios }: GenerationOutput): string[] {
  return [...images, ...videos, ...audios];
}

/** Texts that stand in place of files but are no web URLs. */
function unreadIn(value: unknown, named: MediaKind | undefined): string[] {
  return namedTexts(value, (text) => webAddress(text.trim()) !== undefined, named)
    .map(([text]) => text.trim())
    .filter((text) => text !== '' && webAddress(text) === undefined)
    .map((text) => cutText(text, maxTextLength));
}
