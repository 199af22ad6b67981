import { shellQuote } from './shell-quote.ts';

/** A command of ours about a generation, as a shell takes it: a key that looks like an option stands last, behind `--`. */
export function ownCommand(name: string, key: string, ...flags: string[]): string {
  const options = flags.map(shellQuote);
  const words = key.startsWith('-') ? [...options, '--', shellQuote(key)] : [shellQuote(key), ...options];
  return ['runcomfy-temporal', name, ...words].join(' ');
}
