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
  const [script, map] = apart(code);
  await writeFile(mapOf(target), map);
  await writeFile(`${target}.new`, script);
  await rename(`${target}.new`, target);
  return target;
}

/** Where the map of such a bundle is. */
export function mapOf(bundle: string): string {
  return `${bundle}.map`;
}

/** The bundle and its map: two thirds of the whole, which each worker of the tests would read and parse. */
function apart(code: string): [script: string, map: string] {
  const empty = Buffer.from(JSON.stringify({ version: 3, file: '', sources: [], names: [], mappings: '' }));
  const marker = 'sourceMappingURL=data:application/json;charset=utf-8;base64,';
  const at = code.lastIndexOf(marker);
  if (at === -1) throw new Error('the bundle of the workflows has no map: look at how the SDK ends it now');
  const map = Buffer.from(code.slice(at + marker.length), 'base64').toString();
  return [`${code.slice(0, at + marker.length)}${empty.toString('base64')}`, map];
}
