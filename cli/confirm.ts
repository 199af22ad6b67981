import { createInterface } from 'node:readline';
import { isReadable } from 'node:stream';
import { CliError } from './cli-error.ts';
import type { Streams } from './printing/printer.ts';

/** Whether somebody can be asked. */
export function isPersonAt({ stdin, stderr }: Pick<Streams, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/**
 * Asks a person on a terminal; where nobody sits, the answer is yes. Ctrl-C and Ctrl-D are a no. `Usage` where the terminal
 * was read to its end before, as a plan that was typed is: no answer can come.
 */
export async function confirm(
  { stdin, stderr }: Pick<Streams, 'stdin' | 'stderr'>,
  question: string,
): Promise<boolean> {
  if (!isPersonAt({ stdin, stderr })) return true;
  if (!isReadable(stdin)) {
    const reason = 'standard input was read to its end, and takes no answer';
    throw new CliError('Usage', `nothing was ordered: ${reason}; give --yes or --max-cost`);
  }
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
