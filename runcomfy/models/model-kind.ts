import type { MediaKind } from '../../domain/media.ts';

const made = /(?:^|-)to-(image|video|audio)s?(?:-|$)/;
const named: readonly (readonly [RegExp, MediaKind])[] = [
  [/(?:^|-)(?:video|lipsync|animate)(?:-|$)/, 'video'],
  [/(?:^|-)(?:image|images)(?:-|$)/, 'image'],
  [/(?:^|-)(?:audio|music|speech|tts|song)(?:-|$)/, 'audio'],
];

/** The kind of media that a model makes, by its categories or its id (`…/image-to-video/1080p` makes videos). */
export function modelKind(modelId: string, categories: readonly string[] = []): MediaKind | undefined {
  const kinds = new Set(categories.map(kindOfName).filter((kind) => kind !== undefined));
  if (kinds.size === 1) return [...kinds][0];
  const segments = modelId.toLowerCase().split('/').slice(1).reverse();
  return firstKind(segments, kindMade) ?? firstKind(segments, kindOfName);
}

function kindOfName(name: string): MediaKind | undefined {
  return kindMade(name.toLowerCase()) ?? named.find(([pattern]) => pattern.test(name.toLowerCase()))?.[1];
}

function kindMade(name: string): MediaKind | undefined {
  return made.exec(name)?.[1] as MediaKind | undefined;
}

function firstKind(names: string[], read: (name: string) => MediaKind | undefined): MediaKind | undefined {
  for (const name of names) {
    const kind = read(name);
    if (kind !== undefined) return kind;
  }
  return undefined;
}
