import { mkdir, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflows } from '../../../worker/bundle-workflows.ts';

const cacheDir = new URL('../../../.cache/test/', import.meta.url);

let written: Promise<string> | undefined;

/** Bundles `workflows/index.ts`, once per process, into a file below `.cache`; returns its path. */
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
  // Two runs may share the folder, so each writes its own file and moves it into place when complete.
  const target = fileURLToPath(new URL(`workflow-bundle-${String(process.pid)}.js`, cacheDir));
  const [script, map] = apart(code);
  await writeFile(mapOf(target), map);
  await writeFile(`${target}.new`, script);
  await rename(`${target}.new`, target);
  return target;
}

/** The path of a bundle's source map. */
export function mapOf(bundle: string): string {
  return `${bundle}.map`;
}

/**
 * Splits a bundle into its script and its source map. The map is two thirds of the whole, which every test worker would
 * otherwise read and parse.
 */
function apart(code: string): [script: string, map: string] {
  const empty = Buffer.from(JSON.stringify({ version: 3, file: '', sources: [], names: [], mappings: '' }));
  const marker = 'sourceMappingURL=data:application/json;charset=utf-8;base64,';
  const at = code.lastIndexOf(marker);
  if (at === -1) throw new Error('the bundle of the workflows has no map: look at how the SDK ends it now');
  const map = Buffer.from(code.slice(at + marker.length), 'base64').toString();
  return [`${code.slice(0, at + marker.length)}${empty.toString('base64')}`, map];
}
