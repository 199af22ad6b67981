const names = ['PATH', 'GOGC', 'GOMEMLIMIT', 'GOMAXPROCS'] as const;

/**
 * What a program written in Go gets of this environment: the path by which it is found where it is named without a folder, and
 * Go's own settings. Nothing of it is secret.
 */
export function goEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
