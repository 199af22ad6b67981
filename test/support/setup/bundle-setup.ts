import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { mapOf, writeWorkflowBundle } from './workflow-bundle.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the bundled workflows: `new Worker({ workflowBundle: { codePath } })`. */
    workflowBundlePath: string;
  }
}

/** Bundles the workflows once for all test files of a run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const path = await writeWorkflowBundle();
  project.provide('workflowBundlePath', path);
  return async () => {
    for (const file of [path, mapOf(path)]) await rm(file, { force: true });
  };
}
