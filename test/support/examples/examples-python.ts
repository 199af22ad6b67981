import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { run } from './examples.ts';

const ofExamples = fileURLToPath(new URL('../../../examples/python/requirements.txt', import.meta.url));
const cache = fileURLToPath(new URL('../../../.cache/test/', import.meta.url));

/**
 * A Python with the packages that the examples pin, or those of another list: a virtual environment below `.cache`,
 * created once per content of the list.
 */
export async function pythonForExamples(requirements = ofExamples): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16);
  const folder = `${cache}python-${digest}`;
  const python = `${folder}/bin/python`;
  if (existsSync(python)) return python;
  await mkdir(cache, { recursive: true });
  // Created elsewhere and moved into place when complete. If several test files create it at once, the first to finish
  // provides it for all.
  const own = `${folder}-${String(process.pid)}`;
  await rm(own, { recursive: true, force: true });
  // Installing pip into the environment takes half of the time, so a pip that Python already has is used instead.
  const hasPip = await step('python3', ['-m', 'pip', '--version'], '').then(
    () => true,
    () => false,
  );
  const venv = ['-m', 'venv', ...(hasPip ? ['--without-pip'] : []), own];
  await step('python3', venv, 'install Python 3 with venv (Debian: python3-venv)');
  const into = hasPip ? ['--python', `${own}/bin/python`] : [];
  const install = ['install', '--disable-pip-version-check', '--no-input', '--no-compile', '--quiet'];
  const pip = ['-m', 'pip', ...into, ...install, '--requirement', requirements];
  await step(hasPip ? 'python3' : `${own}/bin/python`, pip, 'give pip a way to PyPI');
  await rename(own, folder).catch(async (error: unknown) => {
    await rm(own, { recursive: true, force: true });
    if (!existsSync(python)) throw error;
  });
  return python;
}

async function step(program: string, args: string[], remedy: string): Promise<void> {
  const { code, stderr } = await run(program, args).ended.catch((error: unknown) => ({
    code: -1,
    stderr: String(error),
  }));
  if (code !== 0) throw new Error(`Python cannot be prepared (${stderr.trim()}): ${remedy}.`);
}
