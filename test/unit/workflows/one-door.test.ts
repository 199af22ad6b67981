import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const folder = new URL('../../../workflows/', import.meta.url);

/** Places in the code of generations that match, as `file: line`. */
function placesOf(pattern: RegExp, noun = 'generation'): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.startsWith(`${noun}/`) && name.endsWith('.ts'))
    .flatMap((name) =>
      readFileSync(new URL(name, folder), 'utf8')
        .split('\n')
        .filter((line) => pattern.test(line))
        .map((line) => `${name}: ${line.trim()}`),
    );
}

/** The files that write or delete each field of a generation's memory, by `group.field`. */
function writersOfFields(): Map<string, Set<string>> {
  const field = '\\b(?:state|sightings|seen|wishes|plan|open|shown|doubt|told|reserved)\\.\\w+';
  const write = `delete (?:\\w+\\.)*(${field})|(${field}) (?:\\?\\?|\\|\\||[-+])?= `;
  const writers = new Map<string, Set<string>>();
  for (const place of placesOf(new RegExp(write))) {
    const file = /[^/]+\.ts/.exec(place)?.[0] ?? '';
    for (const [, deleted, assigned = deleted ?? ''] of place.matchAll(new RegExp(write, 'g'))) {
      writers.set(assigned, (writers.get(assigned) ?? new Set()).add(file));
    }
  }
  return writers;
}

describe('the memory of a generation', () => {
  const writers = writersOfFields();

  it('has one writer for each field', () => {
    expect([...writers].filter(([, files]) => files.size > 1)).toEqual([]);
    expect(writers.size).toBeGreaterThan(40);
  });

  it.each([
    ['sightings', 'sightings.ts'],
    ['seen', 'sightings.ts'],
    ['wishes', 'wishes.ts'],
    ['plan', 'next-read.ts'],
    ['open', 'open-work.ts'],
    ['shown', 'visibility.ts'],
    ['doubt', 'unknown-submission.ts'],
    ['told', 'tell-webhook.ts'],
    ['reserved', 'settle-budgets.ts'],
    ['state.cancel', 'cancellation.ts'],
    ['state.submission', 'sightings.ts'],
    ['state.priceUsd', 'sightings.ts'],
  ])('has %s written by %s', (group, file) => {
    const fields = [...writers].filter(([name]) => `${name}.`.startsWith(`${group}.`) && name !== 'doubt.unnamed');
    expect(fields.map(([, files]) => [...files])).toEqual(fields.map(() => [file]));
    expect(fields).not.toHaveLength(0);
  });

  it.each([
    ['phase', 'generation/visibility.ts'],
    ['outcome', 'generation/cancellation.ts'],
  ])('has one door for %s, in %s', (field, file) => {
    const assignments = placesOf(new RegExp(`\\.${field} (\\?\\?)?= |Object\\.assign\\(.*\\b${field}:`));
    expect(assignments).toHaveLength(1);
    expect(assignments[0]).toContain(file);
  });
});

describe('the memory of a pipeline', () => {
  it('has one door for phases, in pipeline/visibility.ts', () => {
    const assignments = placesOf(/\.phase (\?\?)?= |Object\.assign\(.*\bphase:/, 'pipeline');
    expect(assignments).toHaveLength(1);
    expect(assignments[0]).toContain('pipeline/visibility.ts');
  });
});
