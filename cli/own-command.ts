import { shellQuote } from './shell-quote.ts';

/** A command of ours about a generation, as a shell takes it: a key that looks like an option stands behind `--`. */
export function ownCommand(name: string, key: string, ...flags: string[]): string {
  const words = ['runcomfy-temporal', name, ...flags.map(shellQuote)];
  return [...words, ...(key.startsWith('-') ? ['--'] : []), shellQuote(key)].join(' ');
}
