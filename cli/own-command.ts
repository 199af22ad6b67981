import { shellQuote } from './shell-quote.ts';

/** One of our commands for a generation, quoted for a shell. A key that looks like an option comes last, after `--`. */
export function ownCommand(name: string, key: string, ...flags: string[]): string {
  const options = flags.map(shellQuote);
  const words = key.startsWith('-') ? [...options, '--', shellQuote(key)] : [shellQuote(key), ...options];
  return ['runcomfy-temporal', name, ...words].join(' ');
}
