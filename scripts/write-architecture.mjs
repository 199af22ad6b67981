// npm run architecture: copies the table of architecture.json to where readers and other programs look for it.
import './node-version.mjs';
import { writeFileSync } from 'node:fs';
import { derivedFiles } from './architecture.mjs';
import { root } from './run-step.mjs';

for (const { name, text } of derivedFiles()) writeFileSync(`${root}/${name}`, text);
