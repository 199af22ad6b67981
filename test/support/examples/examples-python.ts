import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { run } from './examples.ts';

const ofExamples = fileURLToPath(new URL('../../../examples/python/requirements.txt', import.meta.url));
const cache = fileURLToPath(new URL('../../../.cache/test/', import.meta.url));

/** A Python that has what the examples pin, or another list: a virtual environment below `.cache`, made once for each content. */
export async function pythonForExamples(requirements = ofExamples): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16);
  const folder = `${cache}python-${digest}`;
  const python = `${folder}/bin/python`;
  if (existsSync(python)) return python;
  await mkdir(cache, { recursive: true });
  // Made elsewhere and put there whole: of several test files that find none, the first to be done gives it to all.
  const own = `${folder}-${String(process.pid)}`;
  await rm(own, { recursive: true, force: true });
  // A pip for each environment, where Python has one that serves them all, is half of what making one takes.
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
