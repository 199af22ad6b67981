// npm run wrap-docs: wraps the prose of all pages at one width. Tables, code, headings and long links are left alone.
import './node-version.mjs';
import { readFileSync, writeFileSync } from 'node:fs';
import { root } from './run-step.mjs';
import { pages, wrapped } from './wrap.mjs';

for (const name of pages()) {
  const text = readFileSync(`${root}/${name}`, 'utf8');
  const better = wrapped(text);
  if (better !== text) writeFileSync(`${root}/${name}`, better);
}
