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

describe('the memory of a generation', () => {
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
