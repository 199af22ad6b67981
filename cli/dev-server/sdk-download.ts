import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { devServerDownload } from '../manifest.ts';
import { run } from './run.ts';

const maxConnectMs = 15_000;
const maxDownloadMs = 240_000;

/** Lets Temporal's SDK download its dev server into `cacheDir`; returns the program's path. */
export async function downloadBySdk(
  cacheDir: string,
  onNote: (sentence: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  onNote('Downloading the Temporal dev server (once, about 45 MB) …');
  const startedAt = Date.now();
  const { code, output, stopped } = await run(process.execPath, [devServerDownload, cacheDir], {
    timeoutMs: maxDownloadMs,
    signal,
    shouldStop: async () => {
      const hasBegun = (await programsIn(cacheDir, /^temporal-sdk-/)).length > 0;
      return hasBegun || Date.now() - startedAt < maxConnectMs
        ? undefined
        : `got no answer within ${String(maxConnectMs / 1000)} s`;
    },
  });
  const [program] = await programsIn(cacheDir, /^temporal-sdk-(?!.*\.downloading$)/);
  if (code === 0 && program !== undefined) return join(cacheDir, program);
  const reason = stopped ?? rootCause(output);
  throw new Error(`The SDK's download of the Temporal dev server from temporal.download failed (${reason}).`);
}

/** The innermost cause; the SDK joins all causes in one line. */
function rootCause(output: string): string {
  const line = output.split('\n').find((each) => /error/i.test(each)) ?? 'no reason given';
  return (line.split('): ').at(-1) ?? line).trim().replace(/[\])]+$/, '');
}

async function programsIn(folder: string, pattern: RegExp): Promise<string[]> {
  return (await readdir(folder)).filter((name) => pattern.test(name));
}
