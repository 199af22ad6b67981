import { createInterface } from 'node:readline/promises';
import type { Streams } from './printer.ts';

/** Asks a person on a terminal; where nobody sits, the answer is yes. */
export async function confirm({ stdin, stderr }: Streams, question: string): Promise<boolean> {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return true;
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
