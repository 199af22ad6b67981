import { cp } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../processes.ts';
import { run } from './examples.ts';

const ofNetwork = /dial tcp|timeout|TLS|EOF|connection re|: 50\d /i;

/** Compiles without optimization, which takes two thirds of the time and is good enough for these tests. */
const quickly = ['-gcflags=all=-N -l'];

/**
 * Each of some four hundred packages is compiled in a process of its own. Using one core each, with hardly any garbage
 * collection, takes a third less CPU time.
 */
const compact = ['CGO_ENABLED=0', 'GOMAXPROCS=1', 'GOGC=off', 'GOMEMLIMIT=1GiB'];

const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));

/** How a Go program is built. */
export interface GoBuild {
  /** Called with a copy of the example's folder before the build. */
  prepare?: (folder: string) => Promise<void>;
  /** Where that copy is created; default: a folder that is removed at the end of the test. */
  into?: string;
}

/** Builds the Go program of an example and returns its path. */
export async function goExample(name: string, { prepare, into }: GoBuild = {}): Promise<string> {
  const folder = path.join(into ?? (await temporaryFolder()), name);
  const isGo = (source: string) => source.endsWith(name) || /\.(go|mod|sum)$/.test(source);
  await cp(path.join(examples, name), folder, { recursive: true, filter: isGo });
  await prepare?.(folder);
  await go(folder, ['vet', ...quickly, './...']);
  await go(folder, ['build', ...quickly, '-ldflags=-s -w', '-o', 'program', '.']);
  return path.join(folder, 'program');
}

/**
 * Builds the tool named in a module's go.mod and returns its path. `go tool` would compile it, and all its
 * dependencies, with optimization.
 */
export async function goTool(folder: string): Promise<string> {
  await go(folder, ['build', ...quickly, '-o', 'tool', 'tool']);
  return path.join(folder, 'tool');
}

/** Runs the `go` command in a folder; returns what it printed. */
async function go(folder: string, [command = '', ...args]: string[]): Promise<string> {
  const words = ['-n', '10', 'env', ...compact, 'go', '-C', folder, command, '-p', String(availableParallelism())];
  const attempt = () =>
    run('nice', [...words, ...args]).ended.catch((error: unknown) => ({
      code: -1,
      stdout: '',
      stderr: String(error),
    }));
  let { code, stdout, stderr } = await attempt();
  // Retried here because, unlike pip, `go` gives up at the first failed network call.
  for (let left = 3; left > 0 && code !== 0 && ofNetwork.test(stderr); left -= 1) {
    await sleep(5_000);
    ({ code, stdout, stderr } = await attempt());
  }
  if (code === 0) return stdout;
  const remedy = 'install Go 1.26 or newer and give it a way to its module proxy';
  throw new Error(
    `go ${[command, ...args].join(' ')}: ${stdout}${stderr.trim()} (where it is no fault of the program: ${remedy})`,
  );
}
