import type { Client } from '@temporalio/client';
import { inspectSearchAttributes } from '../client/operator/index.ts';
import { searchAttributeNames, searchAttributes } from '../domain/names.ts';

const refreshEveryMs = 60_000;

export interface SearchAttributeCheck {
  known: string[];
  missing: string[];
}

/** Which of our search attributes the server knows, by name and type. */
async function checkSearchAttributes(client: Client): Promise<SearchAttributeCheck> {
  const { missing, mistyped } = await inspectSearchAttributes(client);
  const lacking: string[] = [...missing, ...mistyped];
  return {
    known: searchAttributeNames.filter((name) => !lacking.includes(name)),
    missing: searchAttributeNames.filter((name) => lacking.includes(name)),
  };
}

/** One sentence on how to create what is missing. */
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

/** The known search attributes, looked up at boot and again every minute, so that creating them needs no restart. */
export async function followSearchAttributes(
  client: Client,
  onCheck: (check: SearchAttributeCheck | undefined) => void,
): Promise<{ known: () => string[]; stop: () => void }> {
  let known: string[] = [];
  const look = async () => {
    const check = await checkSearchAttributes(client).catch(() => undefined);
    if (check) known = check.known;
    return check;
  };
  onCheck(await look());
  const timer = setInterval(() => void look(), refreshEveryMs);
  timer.unref();
  return {
    known: () => known,
    stop: () => {
      clearInterval(timer);
    },
  };
}
