import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** What a worker holds for each generation that it has cached. */
export interface HeapFigures {
  /** Of the bundle, its source map left out. */
  bundleBytes: number;
  bytesPerGeneration: number;
  generations: number;
}

/** The workflows as they are bundled, and without the pipeline's: two files in a folder of their own. */
export async function bundleTwice(): Promise<{ folder: string; files: { with: string; without: string } }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-weights-'));
  const file = (name: string) => fileURLToPath(new URL(`../../../workflows/${name}.ts`, import.meta.url));
  const write = async (name: string, workflowsPath: string) => {
    const payloadConverterPath = file('payload-converter');
    const { code } = await bundleWorkflowCode({
      workflowsPath,
      payloadConverterPath,
      logger: new DefaultLogger('WARN'),
    });
    const target = path.join(folder, name);
    await writeFile(target, code);
    return target;
  };
  return {
    folder,
    files: {
      with: await write('with.cjs', file('index')),
      without: await write('without.cjs', file('generation/generation')),
    },
  };
}
