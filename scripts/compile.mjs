import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { existing, shippedFolders } from './architecture.mjs';
import { compiler, compilerFlags, root, runStep } from './run-step.mjs';

/**
 * Compiles the shipped folders of architecture.json into a folder and copies their JSON and plain modules there.
 * Returns the compiler's errors, or an empty string.
 */
export async function compile(outDir, compilerOptions) {
  const folders = existing(shippedFolders);
  const options = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { noEmit: false, outDir, rootDir: root, ...compilerOptions },
    include: folders.map((name) => join(root, name)),
  };
  mkdirSync(join(root, '.cache'), { recursive: true });
  const file = join(root, '.cache', `tsconfig.${String(process.pid)}.json`);
  writeFileSync(file, JSON.stringify(options));
  const { code, output } = await runStep(compiler, ['-p', file, ...compilerFlags]);
  rmSync(file);
  if (code !== 0) return output;
  for (const folder of folders) {
    cpSync(join(root, folder), join(outDir, folder), { recursive: true, filter: isUsedAsItIs });
  }
  return '';
}

/** Files that the code reads or runs without compilation. */
function isUsedAsItIs(path) {
  return statSync(path).isDirectory() || (/\.(json|mjs)$/.test(path) && !path.endsWith('tsconfig.json'));
}
