import type { InputIssue } from '../../domain/generation.ts';
import { isJsonObject, jsonPath } from '../../domain/json.ts';
import type { MediaKind } from '../../domain/media.ts';
import { refuseMediaUrl } from './media-url.ts';
import type { SchemaNode } from './normalize-schema.ts';

const mediaFormat = /^(?:(image|video|audio)_)?ur[li]s?$/;
const mediaName = /(?:^|_)ur[li]s?(?:_\d+)?$/i;
const kindInName = /(?:^|_)(image|img|video|audio)s?(?:_|$)/i;

/** A string of an input that names media. */
export interface MediaField {
  path: string;
  /** The property that holds it; for an item of a list, the property that holds the list. */
  name: string;
  kind?: MediaKind;
  url: string;
}

/**
 * Finds the media of an input, by format if the schema gives one, else by name: RunComfy's page and catalogue differ in
 * the formats, and some fields have none.
 */
export function* findMedia(value: unknown, node: SchemaNode | undefined, path = '$', name = ''): Generator<MediaField> {
  if (typeof value === 'string') {
    const kind = mediaKindOf(node, name);
    if (kind !== undefined) yield { path, name, url: value, ...(kind !== 'any' && { kind }) };
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      // The format of a list stands on the list, on its items, or on both.
      const itemNode = { ...node?.items, mediaFormat: node?.items?.mediaFormat ?? node?.mediaFormat ?? '' };
      yield* findMedia(item, itemNode, jsonPath(path, index), name);
    }
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      yield* findMedia(item, node?.properties?.[key], jsonPath(path, key), key);
    }
  }
}

/** Refuses media that RunComfy could not fetch. */
export function checkMedia(media: readonly MediaField[], loopbackHost?: string): InputIssue[] {
  return media.flatMap(({ path, url }) => {
    const message = refuseMediaUrl(url, loopbackHost);
    return message === undefined ? [] : [{ path, message }];
  });
}

function mediaKindOf(node: SchemaNode | undefined, name: string): MediaKind | 'any' | undefined {
  const format = mediaFormat.exec(node?.mediaFormat ?? '');
  const named = kindInName.exec(name)?.[1]?.toLowerCase().replace('img', 'image') as MediaKind | undefined;
  if (format) return (format[1] as MediaKind | undefined) ?? named ?? 'any';
  return mediaName.test(name) ? (named ?? 'any') : undefined;
}
