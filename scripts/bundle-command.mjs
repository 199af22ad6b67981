import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * Bundles the command line of a compiled package, and the modules that only it loads, into a few files instead of some
 * hundreds: a command then starts in three quarters of the time. The package's exports stay as compiled.
 */
export async function bundleCommand(dist) {
  const folder = join(dist, 'cli');
  const bundled = join(dist, 'cli.bundled');
  await build({
    entryPoints: [join(folder, 'main.js')],
    outdir: bundled,
    bundle: true,
    // Code that a command loads on demand, above all the worker's native part, stays in separate files.
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

/**
 * Files that code locates relative to itself and that bundling has moved out of reach. The workflow bundle is built
 * later.
 */
function filesLostBy(folder, name) {
  const places = readFileSync(join(folder, name), 'utf8').matchAll(
    /new URL\((["'`])(\.[^"'`$]+)\1, import\.meta\.url\)/g,
  );
  return [...places]
    .map(([, , path]) => path)
    .filter((path) => path !== '../workflow-bundle.js' && !existsSync(join(folder, path)));
}
