import { execFile } from 'node:child_process';
import { copyFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { writeWorkflowBundle } from './workflow-bundle.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /**
     * Path of the command as in an installed package: compiled code and a bundle, which start twice as fast as the
     * sources.
     */
    programPath: string;
  }
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Lays out the package once for all processes that the tests of a run start. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = `${root}.cache/test/package-${String(process.pid)}`;
  await promisify(execFile)(process.execPath, ['scripts/lay-out-package.mjs', folder], { cwd: root });
  await copyFile(await writeWorkflowBundle(), `${folder}/dist/workflow-bundle.js`);
  project.provide('programPath', `${folder}/bin/runcomfy-temporal`);
  return () => rm(folder, { recursive: true, force: true });
}
