import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What of the package file is told to users. */
export interface Manifest {
  version: string;
  peerDependencies?: Record<string, string>;
}

/** The folder of package.json: one level above the sources, two above the built files. */
export function packageDir(): string {
  const parent = dirname(dirname(fileURLToPath(import.meta.url)));
  return parent.endsWith('dist') ? dirname(parent) : parent;
}

/** This package's own package.json. */
export function readManifest(): Manifest {
  return JSON.parse(readFileSync(`${packageDir()}/package.json`, 'utf8')) as Manifest;
}
