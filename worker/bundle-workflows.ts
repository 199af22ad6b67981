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

/** The modules of `domain/` that workflows use. They are stateless, so all cached workflows can share one instance. */
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
 * Concatenates the modules that each cached workflow instantiates into one scope. This saves an object and an accessor
 * for every imported name, which make up most of the memory of a cached generation.
 */
function inOneScope(config: WebpackConfiguration): WebpackConfiguration {
  const optimization = { ...config.optimization, concatenateModules: true, providedExports: true, usedExports: true };
  return { ...config, optimization };
}

/** Strips comments from the code compiled for the bundle: every worker would load them for nothing. */
export function withoutComments(config: WebpackConfiguration): WebpackConfiguration {
  for (const rule of config.module?.rules ?? []) {
    const use = typeof rule === 'object' && rule ? rule.use : undefined;
    if (typeof use !== 'object' || !('options' in use) || typeof use.options !== 'object') continue;
    const { jsc } = use.options as { jsc?: object };
    if (jsc) use.options = { ...use.options, jsc: { ...jsc, minify: { format: { comments: false } } } };
  }
  return config;
}
