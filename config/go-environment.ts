const names = ['PATH', 'GOGC', 'GOMEMLIMIT', 'GOMAXPROCS'] as const;

/**
 * The environment for a program written in Go: `PATH`, to find a program that is named without a folder, and Go's own
 * settings. None of it is secret.
 */
export function goEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
