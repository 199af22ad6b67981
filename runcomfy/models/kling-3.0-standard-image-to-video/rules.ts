import type { InputIssue } from '../../../domain/generation.ts';
import { isJsonObject } from '../../../domain/json.ts';
import { extensionOf, kindOfExtension } from '../../schemas/output.ts';
import { parseUrl } from '../../urls.ts';
import type { ProseRules } from '../bundled-model.ts';
import type { MediaField } from '../media-rules.ts';
import type { SchemaNode } from '../normalize-schema.ts';

const imageExtensions = ['jpg', 'jpeg', 'png', 'bmp', 'webp'];
const documentExtensions = ['pdf', 'psd', 'ai', 'eps', 'zip', 'txt', 'json', 'doc', 'docx'];

/** Kling's own rules: the lengths of the segments, and the accepted file formats. */
export const klingRules: ProseRules = {
  holdFor: (modelId) => modelId.startsWith('kling/'),
  check: (input, node, media) => [...checkSegments(input, node), ...media.flatMap(checkFormat)],
};

function checkSegments({ multi_prompt: segments, duration }: Record<string, unknown>, node: SchemaNode): InputIssue[] {
  const segmentNode = node.properties?.['multi_prompt']?.items?.properties?.['duration'];
  const durationNode = node.properties?.['duration'];
  if (!segmentNode || !durationNode || !Array.isArray(segments) || segments.length === 0) return [];
  const total = duration ?? durationNode.publishedDefault;
  const lengths = segments.map((segment: unknown) =>
    isJsonObject(segment) ? (segment['duration'] ?? segmentNode.publishedDefault) : undefined,
  );
  const isReckonable = typeof total === 'number' && lengths.every((length) => typeof length === 'number');
  if (!isReckonable) return [];
  const sum = lengths.reduce((seconds, length) => seconds + length, 0);
  if (sum === total) return [];
  const origin = duration === undefined ? ', which RunComfy takes when it is left out' : '';
  return [
    {
      path: '$.multi_prompt',
      message: `expected segments of ${String(total)} s in all (the clip's duration${origin}), got ${String(sum)} s`,
    },
  ];
}

/** A URL without a file extension, or with one that says nothing about media, is left to RunComfy. */
function checkFormat({ path, kind, url }: MediaField): InputIssue[] {
  const parsed = parseUrl(url);
  const extension = parsed && extensionOf(parsed);
  if (extension === undefined || kind === undefined) return [];
  const found = kindOfExtension(extension);
  if (found === undefined && !documentExtensions.includes(extension)) return [];
  const isAccepted = kind === 'image' ? imageExtensions.includes(extension) : found === kind;
  if (isAccepted) return [];
  const expected = kind === 'image' ? `an image in one of the formats ${imageExtensions.join(', ')}` : `a ${kind} file`;
  return [{ path, message: `expected ${expected}, got a URL that ends in .${extension}` }];
}
