/** Whether the terminal calls itself dumb, as those in editors do: it does not interpret escape sequences. */
export function isDumbTerminal(env: NodeJS.ProcessEnv = process.env): boolean {
  return env['TERM']?.trim() === 'dumb';
}
