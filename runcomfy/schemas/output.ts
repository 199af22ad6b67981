import type { GenerationOutput } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import { type MediaKind, mediaKinds, mediaOfField } from '../../domain/media.ts';
import { parseJson } from '../http/parse-json.ts';
import { parseUrl } from '../urls.ts';

/** Fields that hold a file's URL without naming its kind of media. */
export const urlKeys = ['url', 'uri'];
/** Fields that echo the input. */
export const inputKeys = ['input', 'inputs'];

const extensions: Readonly<Record<MediaKind, readonly string[]>> = {
  image: ['jpg', 'jpeg', 'png', 'webp', 'bmp', 'gif', 'avif', 'heic', 'heif', 'tif', 'tiff', 'svg', 'ico'],
  video: ['mp4', 'mov', 'webm', 'mkv', 'avi', 'm4v', 'mpg', 'mpeg', 'ogv', 'flv', 'wmv', '3gp'],
  audio: ['mp3', 'wav', 'm4a', 'aac', 'ogg', 'oga', 'opus', 'flac', 'pcm', 'wma', 'aiff', 'aif'],
};

/** The file extension of a URL's path, in lower case. */
export function extensionOf(url: URL): string | undefined {
  return /\.([A-Za-z0-9]{1,5})$/.exec(url.pathname.split('/').at(-1) ?? '')?.[1]?.toLowerCase();
}

/** What kind of media a file extension stands for. */
export function kindOfExtension(extension: string | undefined): MediaKind | undefined {
  if (extension === undefined) return undefined;
  return mediaKinds.find((kind) => extensions[kind].includes(extension));
}

export interface OutputContext {
  /** The kind of media that the model makes; used for URLs in fields that name no kind. */
  kind?: MediaKind | undefined;
  /** URLs of the input, which the reply may echo; they are never outputs. */
  inputUrls?: readonly string[] | undefined;
}

/**
 * Takes the URLs out of the documented output fields (`image`, `images`, `video`, `videos`, `audio`, `audios`, or a
 * bare string or array), deduplicated, in RunComfy's order.
 */
export function readOutput(output: unknown, { kind, inputUrls = [] }: OutputContext): GenerationOutput {
  const excluded = new Set(inputUrls.flatMap((url) => [url, webAddress(url) ?? url]));
  const addressOf = (text: string) => {
    const url = text.trim();
    const key = webAddress(url);
    return key === undefined || excluded.has(url) || excluded.has(key) ? undefined : key;
  };
  const found: Record<MediaKind, Map<string, string>> = { image: new Map(), video: new Map(), audio: new Map() };

  for (const [text, named] of namedTexts(unwrapped(output), (text) => addressOf(text) !== undefined)) {
    const url = text.trim();
    const key = addressOf(text);
    if (key === undefined) continue;
    const kindOfUrl = named ?? kind ?? kindOfExtension(extensionOf(new URL(url))) ?? 'image';
    if (!found[kindOfUrl].has(key)) found[kindOfUrl].set(key, url);
  }
  return {
    images: [...found.image.values()],
    videos: [...found.video.values()],
    audios: [...found.audio.values()],
  };
}

type NamedText = [text: string, named: MediaKind | undefined];

/**
 * The texts in the documented output fields of a value, in its order, each with the kind that its field names. Next to
 * such fields a `url` is only a link. Inside such a field `url` is the file, and other fields next to it are thumbnails
 * or the like.
 */
export function namedTexts(value: unknown, isFile: (text: string) => boolean, named?: MediaKind): NamedText[] {
  if (typeof value === 'string') return [[value, named]];
  if (Array.isArray(value)) return value.flatMap((item) => namedTexts(item, isFile, named));
  if (!isJsonObject(value)) return [];
  const fields = Object.entries(value)
    .filter(([key]) => urlKeys.includes(key) || kindOfField(key) !== undefined)
    .map(([key, item]) => ({ key, texts: namedTexts(item, isFile, named ?? kindOfField(key)) }));
  const textsOf = (isMeant: (key: string) => boolean) =>
    fields.flatMap(({ key, texts }) => (isMeant(key) ? texts : []));
  const links = urlKeys.map((name) => textsOf((key) => key === name));
  const files = textsOf((key) => kindOfField(key) !== undefined);
  const filesOfKind = textsOf((key) => kindOfField(key) === named);
  const inTurn = named === undefined ? [files, ...links] : [...links, filesOfKind, files];
  return inTurn.find((texts) => texts.some(([text]) => isFile(text))) ?? textsOf(() => true);
}

/** The kind of media that a documented output field holds. */
export function kindOfField(key: string): MediaKind | undefined {
  return Object.hasOwn(mediaOfField, key) ? mediaOfField[key] : undefined;
}

/** Unwraps an object whose only field is an object with documented output fields, so that paid work is not lost. */
export function unwrapped(output: unknown): unknown {
  const [entry, ...others] = isJsonObject(output) ? Object.entries(output) : [];
  const [key = '', inner] = entry ?? [];
  if (others.length > 0 || inputKeys.includes(key) || !isJsonObject(inner) || Object.hasOwn(mediaOfField, key))
    return output;
  return Object.keys(inner).some((name) => Object.hasOwn(mediaOfField, name)) ? inner : output;
}

/**
 * The output of a reply: its `output`, parsed if it is a string of JSON; without one, the documented output fields that
 * stand in the reply itself.
 */
export function outputOf(reply: Readonly<Record<string, unknown>>): unknown {
  const { output } = reply;
  if (output === undefined || output === null || output === '') {
    const named = Object.entries(reply).filter(([key]) => Object.hasOwn(mediaOfField, key));
    return named.length === 0 ? output : Object.fromEntries(named);
  }
  if (typeof output !== 'string' || !/^\s*[[{"]/.test(output)) return output;
  try {
    return parseJson(output);
  } catch {
    return output;
  }
}

/** Whether an output holds no URL at all. */
export function isEmptyOutput({ images, videos, audios }: GenerationOutput): boolean {
  return images.length + videos.length + audios.length === 0;
}

/** The normalized form of an http(s) URL, equal for all its spellings; undefined for any other text. */
export function webAddress(text: string): string | undefined {
  const url = parseUrl(text);
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url.href : undefined;
}
