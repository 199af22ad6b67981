/** Whether the terminal calls itself dumb, as those inside editors do: it shows escape sequences as they are. */
export function isDumbTerminal(env: NodeJS.ProcessEnv = process.env): boolean {
  return env['TERM']?.trim() === 'dumb';
}
