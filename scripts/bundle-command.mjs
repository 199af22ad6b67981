import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * Puts the command line of a compiled package, and what it alone loads, into a few files in place of some hundreds: a command
 * starts in three quarters of the time. What the package exports stays as it was compiled.
 */
export async function bundleCommand(dist) {
  const folder = join(dist, 'cli');
  const bundled = join(dist, 'cli.bundled');
  await build({
    entryPoints: [join(folder, 'main.js')],
    outdir: bundled,
    bundle: true,
    // What a command loads on demand, the worker's native part above all, stays apart.
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'warning',
  });
  rmSync(folder, { recursive: true });
  renameSync(bundled, folder);
  const lost = readdirSync(folder).flatMap((name) => filesLostBy(folder, name));
  if (lost.length > 0) throw new Error(`the bundled command does not find ${lost.join(', ')} from dist/cli`);
}

/** Files that code finds by its own place, which bundling has changed; the bundle of the workflows is made later. */
function filesLostBy(folder, name) {
  const places = readFileSync(join(folder, name), 'utf8').matchAll(
    /new URL\((["'`])(\.[^"'`$]+)\1, import\.meta\.url\)/g,
  );
  return [...places]
    .map(([, , path]) => path)
    .filter((path) => path !== '../workflow-bundle.js' && !existsSync(join(folder, path)));
}
