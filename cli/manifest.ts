import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The fields of the package file that are shown to users. */
export interface Manifest {
  version: string;
  peerDependencies?: Record<string, string>;
}

/**
 * The folder of package.json, which may have any name in a clone: one level above the sources, two above the built
 * files.
 */
export function packageDir(program = fileURLToPath(import.meta.url)): string {
  const parent = dirname(dirname(program));
  const isBuilt = basename(parent) === 'dist' && !existsSync(join(parent, 'package.json'));
  return isBuilt ? dirname(parent) : parent;
}

/**
 * The program that makes the SDK download its dev server. In the bundle, the whole command line is at the depth of this
 * module.
 */
export const devServerDownload = fileURLToPath(new URL('../worker/download-dev-server.mjs', import.meta.url));

/** This package's own package.json. */
export function readManifest(): Manifest {
  return JSON.parse(readFileSync(`${packageDir()}/package.json`, 'utf8')) as Manifest;
}
