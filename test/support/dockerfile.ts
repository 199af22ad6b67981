/** One stage of a Dockerfile. */
export interface Stage {
  name: string;
  instructions: Instruction[];
}

/** One instruction. `text` is everything after the keyword, with continued lines joined. */
export interface Instruction {
  keyword: string;
  text: string;
}

/** The stages of a Dockerfile, in order. */
export function parseDockerfile(text: string): Stage[] {
  const lines = text.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n/g, ' ');
  const stages: Stage[] = [];
  for (const line of lines.split('\n')) {
    const [, keyword = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (keyword === '') continue;
    if (keyword === 'FROM') stages.push({ name: /\bAS (\w+)$/.exec(rest)?.[1] ?? '', instructions: [] });
    else stages.at(-1)?.instructions.push({ keyword, text: rest.trim() });
  }
  return stages;
}

/** A `COPY` instruction, from the build context or an earlier stage. */
export interface Copy {
  from?: string;
  sources: string[];
  target: string;
}

/** Splits a `COPY` into its parts. */
export function parseCopy(text: string): Copy {
  const words = text.split(/\s+/);
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const paths = words.filter((word) => !word.startsWith('--'));
  return { ...(from !== undefined && { from }), sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

/** The entries of the project's folder that a `.dockerignore` lets through; it must begin by excluding everything. */
export function parseDockerignore(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.shift() !== '*') throw new Error('.dockerignore must begin with *');
  return lines.map((line) => {
    const [, name = ''] = /^!([\w.-]+)\/?$/.exec(line) ?? [];
    if (name === '') throw new Error(`.dockerignore has a line that is not "!name": ${line}`);
    return name;
  });
}
