import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type History, historyJson } from './generations.ts';

/** Set for `npm run record-histories`. */
const isRecording = process.env['RECORD_HISTORIES'] === '1';

/** Writes the histories of a shape that has none yet, when recording. */
export async function recordHistories(
  name: string,
  histories: History[],
  workflowType = 'runcomfyGeneration',
): Promise<void> {
  if (!isRecording) return;
  const folder = new URL(`../histories/${workflowType}/`, import.meta.url);
  await mkdir(folder, { recursive: true });
  for (const [index, history] of histories.entries()) {
    const suffix = histories.length === 1 ? '' : `.run-${String(index + 1)}`;
    // A recorded history is a promise to running generations: it is added, never rewritten.
    await writeFile(new URL(`${name}${suffix}.json`, folder), withoutPaths(historyJson(history)), { flag: 'wx' }).catch(
      (error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      },
    );
  }
}

/** Stack traces name the folder of whoever records; nobody else's machine has it. */
function withoutPaths(json: string): string {
  return json.replaceAll(fileURLToPath(new URL('../../', import.meta.url)), '');
}
