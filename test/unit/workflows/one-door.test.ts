import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const folder = new URL('../../../workflows/', import.meta.url);

/** Places in the workflows' code that match, as `file: line`. */
function placesOf(pattern: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
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
