// Leaves the package's files in dist/: compiled code with declarations, its data files, and the workflow bundle.
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureInstalled } from './ensure-installed.mjs';
import { root, runStep, tool } from './run-step.mjs';

ensureInstalled();
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });

const { code, output } = await runStep(tool('tsc'), ['-p', 'tsconfig.build.json']);
if (code !== 0) {
  process.stderr.write(`${output}The build failed: the compiler's errors stand above.\n`);
  process.exit(1);
}
copyDataFiles();
const size = await bundleWorkflows();
process.stdout.write(`dist/ is built; the workflow bundle has ${String(Math.round(size / 1024))} KB\n`);

/** What the code reads or runs as it is: JSON and plain modules. */
function copyDataFiles() {
  const { include } = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8'));
  for (const folder of include) {
    if (!existsSync(join(root, folder))) continue;
    cpSync(join(root, folder), join(dist, folder), {
      recursive: true,
      filter: (path) => statSync(path).isDirectory() || (/\.(json|mjs)$/.test(path) && !path.endsWith('tsconfig.json')),
    });
  }
}

/** The same for every worker of a release: no bundling at its start. */
async function bundleWorkflows() {
  const { bundleWorkflows: bundleCompiled } = await import(
    pathToFileURL(join(dist, 'worker', 'bundle-workflows.js')).href
  );
  const { code: bundle } = await bundleCompiled();
  writeFileSync(join(dist, 'workflow-bundle.js'), bundle);
  return bundle.length;
}
