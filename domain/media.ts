/** The kinds of media that models make or accept. */
export const mediaKinds = ['image', 'video', 'audio'] as const;

/** One of `mediaKinds`. */
export type MediaKind = (typeof mediaKinds)[number];

/** A field of RunComfy's output that holds files. */
export type OutputKey = 'image' | 'images' | 'video' | 'videos' | 'audio' | 'audios';

/** The kind of media by its singular and plural field names in results and plans, e.g. `image` and `images`. */
export const mediaOfField: Readonly<Record<string, MediaKind>> = Object.fromEntries(
  mediaKinds.flatMap((kind) => [kind, `${kind}s`].map((name) => [name, kind])),
);
