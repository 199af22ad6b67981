/** What a model makes, and what it may be given. */
export const mediaKinds = ['image', 'video', 'audio'] as const;

/** One of `mediaKinds`. */
export type MediaKind = (typeof mediaKinds)[number];

/** A field of RunComfy's output that holds files. */
export type OutputKey = 'image' | 'images' | 'video' | 'videos' | 'audio' | 'audios';

/** The kind of media by the names under which results and plans speak of it: `image` and `images`, for instance. */
export const mediaOfField: Readonly<Record<string, MediaKind>> = Object.fromEntries(
  mediaKinds.flatMap((kind) => [kind, `${kind}s`].map((name) => [name, kind])),
);
