import { createInterface } from 'node:readline';
import { isReadable } from 'node:stream';
import { CliError } from './cli-error.ts';
import type { Streams } from './printing/printer.ts';

/** Whether there is a person at a terminal who can be asked. */
export function isPersonAt({ stdin, stderr }: Pick<Streams, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/**
 * Asks a person at the terminal; without one, the answer is yes. Ctrl-C and Ctrl-D mean no. Throws `Usage` if standard
 * input was already read to its end, for instance because the plan was typed there, so that no answer is possible.
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
    // While readline asks, Ctrl-C sends no signal: it closes the interface, and no answer comes.
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
