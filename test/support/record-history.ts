import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type History, historyJson } from './generations.ts';

/** Set for `npm run record-histories`. */
const isRecording = process.env['RECORD_HISTORIES'] === '1';

/** When recording, writes the histories of a shape that has none yet. */
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
    // A recorded history is a promise to running generations, so it is only ever added, never rewritten.
    await writeFile(new URL(`${name}${suffix}.json`, folder), withoutPaths(historyJson(history)), { flag: 'wx' }).catch(
      (error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      },
    );
  }
}

/** Removes the project's folder from stack traces, since no other machine has it. */
function withoutPaths(json: string): string {
  return json.replaceAll(fileURLToPath(new URL('../../', import.meta.url)), '');
}
