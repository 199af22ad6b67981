import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleOption } from '@temporalio/worker';

/** The bundle that `npm run build` leaves beside the compiled code. */
const builtBundle = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

/** A module of the workflows, as source or compiled. */
function workflowModule(name: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../workflows/${name}.${extension}`, import.meta.url));
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
    logger: new DefaultLogger('WARN'),
  });
}
