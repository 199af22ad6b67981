// Writes the package's files to dist/: compiled code with declarations, its data files, and the workflow bundle.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleCommand } from './bundle-command.mjs';
import { compile } from './compile.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { root } from './run-step.mjs';

ensureInstalled();
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });

// Skips the type checks; the output is the same. Set by tests that pack the package: `npm test` checks types
// separately, and the image is built with the checks.
const noCheck = process.env.BUILD_UNCHECKED === '1';
const complaints = await compile(dist, { declaration: true, noCheck });
if (complaints !== '') {
  process.stderr.write(`${complaints}The build failed: the compiler's errors stand above.\n`);
  process.exit(1);
}
await bundleCommand(dist);
const size = await bundleWorkflows();
process.stdout.write(`dist/ is built; the workflow bundle has ${String(Math.round(size / 1024))} KB\n`);

/** Bundled once per release, so that no worker bundles at its start. */
async function bundleWorkflows() {
  const { bundleWorkflows: bundleCompiled } = await import(
    pathToFileURL(join(dist, 'worker', 'bundle-workflows.js')).href
  );
  const { code: bundle } = await bundleCompiled();
  writeFileSync(join(dist, 'workflow-bundle.js'), bundle);
  return bundle.length;
}
