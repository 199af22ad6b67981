import { createInterface } from 'node:readline';
import type { Streams } from './printing/printer.ts';

/** Whether somebody can be asked. */
export function isPersonAt({ stdin, stderr }: Pick<Streams, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** Asks a person on a terminal; where nobody sits, the answer is yes. Ctrl-C and Ctrl-D are a no. */
export async function confirm(
  { stdin, stderr }: Pick<Streams, 'stdin' | 'stderr'>,
  question: string,
): Promise<boolean> {
  if (!isPersonAt({ stdin, stderr })) return true;
  const lines = createInterface({ input: stdin, output: stderr });
  const answer = await new Promise<string>((resolve) => {
    // A terminal that is asked sends no signal for Ctrl-C: its key closes the interface, and no answer comes.
    const onClose = () => {
      stderr.write('\n');
      resolve('');
    };
    lines.once('close', onClose);
    lines.question(`${question} [y/N] `, (line) => {
      lines.off('close', onClose);
      lines.close();
      resolve(line);
    });
  });
  return /^y(es)?$/i.test(answer.trim());
}
