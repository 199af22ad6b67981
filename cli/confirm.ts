import { createInterface } from 'node:readline/promises';
import type { Streams } from './printer.ts';

/** Whether somebody can be asked. */
export function isPersonAt({ stdin, stderr }: Pick<Streams, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** Asks a person on a terminal; where nobody sits, the answer is yes. */
export async function confirm({ stdin, stderr }: Streams, question: string): Promise<boolean> {
  if (!isPersonAt({ stdin, stderr })) return true;
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
