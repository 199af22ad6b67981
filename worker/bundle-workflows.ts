import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type BundleOptions, bundleWorkflowCode, DefaultLogger, type WorkflowBundleOption } from '@temporalio/worker';

type WebpackConfiguration = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];

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
    payloadConverterPath: workflowModule('hooks/payload-converter'),
    workflowInterceptorModules: [workflowModule('hooks/interceptors')],
    preloadModules: sharedModules(),
    webpackConfigHook: (config) => withoutComments(inOneScope(config)),
    logger: new DefaultLogger('WARN'),
  });
}

/**
 * The modules that each cached workflow has for itself, in one scope: without an object and an accessor for each name that
 * one imports from another, which is most of what a cached generation weighs.
 */
function inOneScope(config: WebpackConfiguration): WebpackConfiguration {
  const optimization = { ...config.optimization, concatenateModules: true, providedExports: true, usedExports: true };
  return { ...config, optimization };
}

/** What is compiled for the bundle loses its comments: each worker would read them to no end. */
export function withoutComments(config: WebpackConfiguration): WebpackConfiguration {
  for (const rule of config.module?.rules ?? []) {
    const use = typeof rule === 'object' && rule ? rule.use : undefined;
    if (typeof use !== 'object' || !('options' in use) || typeof use.options !== 'object') continue;
    const { jsc } = use.options as { jsc?: object };
    if (jsc) use.options = { ...use.options, jsc: { ...jsc, minify: { format: { comments: false } } } };
  }
  return config;
}
