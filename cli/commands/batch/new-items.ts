import { hash } from 'node:crypto';
import type { BatchItem } from '../../../client/index.ts';
import { createIssueList, issuesSentence } from '../../../domain/issues.ts';
import { adviseReading } from '../../../plans/batch/cells.ts';
import { whereIs } from '../../../plans/batch/item-lines.ts';
import { canonicalJson } from '../../../plans/digest.ts';
import { CliError } from '../../cli-error.ts';

type Items = AsyncIterable<BatchItem>;

/**
 * The items of a batch, followed by those of a file whose ids it does not have, so that the same file may be added
 * again. Throws if the file has a different item under an existing id, which would be left out silently.
 */
export async function behindKnown(known: Items, items: Items): Promise<Items> {
  const digests = new Map<string, string>();
  for await (const item of known) digests.set(item.id, digestOf(item));
  const issues = createIssueList();
  let first: BatchItem | undefined;
  let place = 0;
  for await (const item of items) {
    place += 1;
    const before = digests.get(item.id);
    if (before === undefined || before === digestOf(item)) continue;
    first ??= item;
    issues.add(whereIs(item, place), `the batch has another item of id ${JSON.stringify(item.id.slice(0, 80))}`);
  }
  const found = issues.toIssues();
  if (first) {
    const advice = (await adviseOn(known, first)) ?? 'give what is new ids of its own';
    const message = `nothing was added: ${issuesSentence(found)}; ${advice}`;
    throw new CliError('InvalidInput', message, { issues: found });
  }
  return {
    async *[Symbol.asyncIterator]() {
      yield* known;
      for await (const item of items) if (!digests.has(item.id)) yield item;
    },
  };
}

async function adviseOn(known: Items, item: BatchItem): Promise<string | undefined> {
  for await (const one of known) if (one.id === item.id) return adviseReading(one, item);
  return undefined;
}

function digestOf(item: BatchItem): string {
  return hash('sha256', canonicalJson(item), 'base64');
}
