import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleOption } from '@temporalio/worker';

/** The bundle that `npm run build` leaves beside the compiled code. */
const builtBundle = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

/** A module of the workflows, as source or compiled. */
function workflowModule(name: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../workflows/${name}.${extension}`, import.meta.url));
}

/** The rules that workflows share: without state, so that all cached workflows may have them once instead of each its own. */
function sharedModules(): string[] {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const folder = fileURLToPath(new URL('../domain/', import.meta.url));
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith(extension) && !name.endsWith('.d.ts'),
  );
  return names.map((name) => `${folder}${name}`);
}

/** The workflow code to run: the pre-built bundle where there is one, else bundled now (a few seconds). */
export async function loadWorkflowBundle(): Promise<WorkflowBundleOption> {
  if (existsSync(builtBundle)) return { codePath: builtBundle };
  return await bundleWorkflows();
}

/** Bundles the workflows for the sandbox; quiet unless it fails. */
export async function bundleWorkflows(): Promise<{ code: string }> {
  return await bundleWorkflowCode({
    workflowsPath: workflowModule('index'),
    payloadConverterPath: workflowModule('payload-converter'),
    preloadModules: sharedModules(),
    logger: new DefaultLogger('WARN'),
  });
}
