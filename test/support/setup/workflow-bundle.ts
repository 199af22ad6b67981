import { mkdir, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflows } from '../../../worker/bundle-workflows.ts';

const cacheDir = new URL('../../../.cache/test/', import.meta.url);

let written: Promise<string> | undefined;

/** Bundles `workflows/index.ts`, once per process, into a file below `.cache`; gives its path. */
export function writeWorkflowBundle(): Promise<string> {
  written ??= bundle();
  return written;
}

async function bundle(): Promise<string> {
  const { code } = await bundleWorkflows().catch((error: unknown) => {
    throw new Error(`workflows/index.ts cannot be bundled, so no workflow test can run: ${String(error)}`, {
      cause: error,
    });
  });
  await mkdir(cacheDir, { recursive: true });
  // Two runs may share the folder: each writes a file of its own and moves it into place when whole.
  const target = fileURLToPath(new URL(`workflow-bundle-${String(process.pid)}.js`, cacheDir));
  await writeFile(`${target}.new`, code);
  await rename(`${target}.new`, target);
  return target;
}
