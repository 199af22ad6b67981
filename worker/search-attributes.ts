import type { Client } from '@temporalio/client';
import { inspectSearchAttributes } from '../client/operator/index.ts';
import { searchAttributeNames, searchAttributes } from '../domain/names.ts';

/** Interval of the checks. Runs trust an answer for half a minute. */
const refreshEveryMs = 15_000;

/** Generations that ask within this time share one check. */
const freshForMs = 5_000;

export interface SearchAttributeCheck {
  /** Every custom search attribute of the namespace; ours only if they have the type that we expect. */
  usable: string[];
  known: string[];
  missing: string[];
}

/** Checks which of our search attributes the server has, by name and type. */
async function checkSearchAttributes(client: Client): Promise<SearchAttributeCheck> {
  const { missing, mistyped, present } = await inspectSearchAttributes(client);
  const lacking: string[] = [...missing, ...mistyped];
  return {
    usable: present.filter((name) => !lacking.includes(name)),
    known: searchAttributeNames.filter((name) => !lacking.includes(name)),
    missing: searchAttributeNames.filter((name) => lacking.includes(name)),
  };
}

/** One sentence on how to create the missing search attributes. */
export function missingSearchAttributesSentence(missing: string[], namespace: string): string {
  const flags = searchAttributeNames
    .filter((name) => missing.includes(name))
    .map((name) => `--name ${name} --type ${searchAttributes[name]}`)
    .join(' ');
  return (
    `namespace ${namespace} lacks the search attributes ${missing.join(', ')}, so generations cannot be listed by them: ` +
    `run "runcomfy-temporal doctor --fix" or "temporal operator search-attribute create --namespace ${namespace} ${flags}"`
  );
}

/** Checks the search attributes at boot and every 15 s after that, so that creating them needs no restart. */
export async function followSearchAttributes(
  client: Client,
  onCheck: (check: SearchAttributeCheck | undefined) => void,
): Promise<{ known: () => string[]; existing: (names: string[]) => Promise<string[]>; stop: () => void }> {
  let known: string[] = [];
  let fresh: { until: number; check: Promise<SearchAttributeCheck> } | undefined;
  const refresh = async () => {
    const check = await checkSearchAttributes(client);
    ({ known } = check);
    return check;
  };
  const refreshQuietly = () => refresh().catch(() => undefined);
  onCheck(await refreshQuietly());
  const timer = setInterval(() => void refreshQuietly(), refreshEveryMs);
  timer.unref();
  return {
    known: () => known,
    async existing(names) {
      if (!fresh || performance.now() > fresh.until)
        fresh = { until: performance.now() + freshForMs, check: refresh() };
      const { usable } = await fresh.check;
      return names.filter((name) => usable.includes(name));
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}
