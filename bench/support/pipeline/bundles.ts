import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { bundleWorkflows } from '../../../worker/index.ts';

/** The memory of a worker for each cached generation. */
export interface HeapFigures {
  /** Size of the bundle without its source map. */
  bundleBytes: number;
  bytesPerGeneration: number;
  generations: number;
}

/**
 * Bundles the workflows as a worker has them, and generations alone, which share no modules, into two files of a new
 * folder.
 */
export async function bundleTwice(): Promise<{ folder: string; files: { with: string; without: string } }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-weights-'));
  const write = async (name: string, code: string) => {
    const target = path.join(folder, name);
    await writeFile(target, code);
    return target;
  };
  const file = (name: string) => fileURLToPath(new URL(`../../../workflows/${name}.ts`, import.meta.url));
  const alone = await bundleWorkflowCode({
    workflowsPath: file('generation/generation'),
    payloadConverterPath: file('hooks/payload-converter'),
    workflowInterceptorModules: [file('hooks/interceptors')],
    logger: new DefaultLogger('WARN'),
  });
  const { code } = await bundleWorkflows();
  return { folder, files: { with: await write('with.cjs', code), without: await write('without.cjs', alone.code) } };
}
