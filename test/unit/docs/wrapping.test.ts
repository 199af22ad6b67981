import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../../support/docs.ts';

const { pages, wrapped } = (await import(new URL('../../../scripts/wrap.mjs', import.meta.url).href)) as {
  pages: () => string[];
  wrapped: (text: string) => string;
};

describe('the pages', () => {
  it.each(pages())('%s is wrapped as `npm run wrap-docs` does it', (name) => {
    const text = readFileSync(path.join(root, name), 'utf8');
    expect(wrapped(text)).toBe(text);
  });

  it('are wrapped without a change to code, tables, headings or words', () => {
    const long = 'word '.repeat(60).trim();
    const code = `\`\`\`sh\n${long}\n\`\`\``;
    const table = `| ${long} |\n| --- |`;
    const text = `# ${long}\n\n${long}\n\n- ${long}\n\n${table}\n\n${code}\n`;
    const lines = wrapped(text).split('\n');
    expect(wrapped(text)).toContain(code);
    expect(wrapped(text)).toContain(table);
    expect(lines.filter((line) => line.length > 140)).toEqual([`# ${long}`, `| ${long} |`, long]);
    expect(wrapped(text).split(/\s+/)).toEqual(text.split(/\s+/));
    expect(wrapped(wrapped(text))).toBe(wrapped(text));
  });
});
