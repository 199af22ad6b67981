import { CliError } from './cli-error.ts';
import { readManifest } from './manifest.ts';

/** Loads the part that runs workers. If its native package is missing, the error says how to install it. */
export async function loadWorkerPart<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!isMissingWorker(error)) throw error;
    const version = readManifest().peerDependencies?.['@temporalio/worker'] ?? 'latest';
    const message = `the part that runs workers is not installed: \`npm install @temporalio/worker@${version}\` adds it`;
    throw new CliError('Configuration', message, { cause: error });
  }
}

function isMissingWorker(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes("'@temporalio/worker'")
  );
}
