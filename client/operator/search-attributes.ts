import type { Client } from '@temporalio/client';
import { type SearchAttributeName, searchAttributeNames, searchAttributes } from '../../domain/names.ts';
import { named } from '../convert-errors.ts';

/** Values of Temporal's `IndexedValueType` on the wire. */
const indexedValueTypes = { Keyword: 2, Int: 3, Double: 4, KeywordList: 7 } as const;

/** What of our search attributes the namespace lacks, or has under another type. */
export interface SearchAttributeReport {
  missing: SearchAttributeName[];
  mistyped: SearchAttributeName[];
  /** Every custom search attribute of the namespace. */
  present: string[];
}

/** Compares the search attributes of the namespace with ours. */
export async function inspectSearchAttributes(client: Client): Promise<SearchAttributeReport> {
  const { namespace } = client.options;
  const { customAttributes } = await named('', () =>
    client.connection.operatorService.listSearchAttributes({ namespace }),
  );
  const typeOf = (name: SearchAttributeName) => customAttributes[name];
  return {
    present: Object.keys(customAttributes),
    missing: searchAttributeNames.filter((name) => typeOf(name) === undefined),
    mistyped: searchAttributeNames.filter((name) => {
      const type = typeOf(name);
      return type !== undefined && type.valueOf() !== indexedValueTypes[searchAttributes[name]];
    }),
  };
}

/** Creates search attributes where the server lets us. */
export async function createSearchAttributes(client: Client, names: SearchAttributeName[]): Promise<void> {
  const request = {
    namespace: client.options.namespace,
    searchAttributes: Object.fromEntries(names.map((name) => [name, indexedValueTypes[searchAttributes[name]]])),
  };
  await named('', () => client.connection.operatorService.addSearchAttributes(request));
}
