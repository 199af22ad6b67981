/** The part of the environment by which a program is found that is named without a folder; nothing of it is secret. */
export function searchPath(env: NodeJS.ProcessEnv = process.env): { PATH?: string } {
  const path = env['PATH'];
  return path === undefined ? {} : { PATH: path };
}
