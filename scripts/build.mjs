// Leaves the package's files in dist/: compiled code with declarations, its data files, and the workflow bundle.
import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { existing, shippedFolders } from './architecture.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { compiler, root, runStep } from './run-step.mjs';

ensureInstalled();
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
const folders = existing(shippedFolders);

const { code, output } = await runStep(compiler, ['-p', writeCompilerOptions()]);
if (code !== 0) {
  process.stderr.write(`${output}The build failed: the compiler's errors stand above.\n`);
  process.exit(1);
}
copyDataFiles();
const size = await bundleWorkflows();
process.stdout.write(`dist/ is built; the workflow bundle has ${String(Math.round(size / 1024))} KB\n`);

/** The compiler's options for dist/: the folders of architecture.json that ship. */
function writeCompilerOptions() {
  const file = join(root, '.cache', 'tsconfig.build.json');
  const options = {
    extends: '../tsconfig.json',
    compilerOptions: { noEmit: false, outDir: '../dist', rootDir: '..', declaration: true },
    include: folders.map((name) => `../${name}`),
  };
  mkdirSync(join(root, '.cache'), { recursive: true });
  writeFileSync(file, JSON.stringify(options));
  return file;
}

/** What the code reads or runs as it is: JSON and plain modules. */
function copyDataFiles() {
  for (const folder of folders) {
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
