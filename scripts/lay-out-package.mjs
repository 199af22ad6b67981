// node scripts/lay-out-package.mjs FOLDER: the package as installed, but without the workflow bundle and declarations.
// Tests that start many processes use it, because these start twice as fast as from the sources. Types are checked
// elsewhere.
import { cpSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleCommand } from './bundle-command.mjs';
import { compile } from './compile.mjs';
import { root } from './run-step.mjs';

const folder = resolve(process.argv[2] ?? '');
for (const name of ['bin', 'package.json']) cpSync(join(root, name), join(folder, name), { recursive: true });
const complaints = await compile(join(folder, 'dist'), { declaration: false, noCheck: true });
if (complaints !== '') {
  process.stderr.write(complaints);
  process.exit(1);
}
await bundleCommand(join(folder, 'dist'));
