import { cp } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../processes.ts';
import { run } from './examples.ts';

const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));

/** Builds the Go program of an example and gives its path; `prepare` is called with a copy of the example's folder before. */
export async function goExample(name: string, prepare?: (folder: string) => Promise<void>): Promise<string> {
  const folder = path.join(await temporaryFolder(), name);
  const isGo = (source: string) => source.endsWith(name) || /\.(go|mod|sum)$/.test(source);
  await cp(path.join(examples, name), folder, { recursive: true, filter: isGo });
  await prepare?.(folder);
  await go(folder, ['vet', './...']);
  await go(folder, ['build', '-o', 'program', '.']);
  return path.join(folder, 'program');
}

/** Runs the `go` command in a folder; gives what it printed. */
export async function go(folder: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('go', ['-C', folder, ...args]).ended.catch((error: unknown) => ({
    ...{ code: -1, stdout: '' },
    stderr: String(error),
  }));
  if (code === 0) return stdout;
  const remedy = 'install Go 1.26 or newer and give it a way to its module proxy';
  throw new Error(`go ${args.join(' ')}: ${stdout}${stderr.trim()} (where it is no fault of the program: ${remedy})`);
}
