import type { Client } from '@temporalio/client';
import { type SearchAttributeName, searchAttributeNames, searchAttributes } from '../../domain/names.ts';
import { messageOf } from '../../domain/text.ts';
import { named } from '../convert-errors.ts';
import { grpcCode, grpcCodeOf } from '../grpc.ts';

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

/** A search attribute that the server does not take, and why. */
export interface RefusedSearchAttribute {
  name: SearchAttributeName;
  reason: string;
}

/**
 * Creates search attributes where the server lets us, one at a time: SQL databases hold few of a type, and where one finds
 * no room the server takes none of its call. Tells which it refuses.
 */
export async function createSearchAttributes(
  client: Client,
  names: SearchAttributeName[],
): Promise<RefusedSearchAttribute[]> {
  const { namespace } = client.options;
  const refused: RefusedSearchAttribute[] = [];
  for (const name of names) {
    const request = { namespace, searchAttributes: { [name]: indexedValueTypes[searchAttributes[name]] } };
    try {
      await named('', () => client.connection.operatorService.addSearchAttributes(request));
    } catch (error) {
      if (grpcCodeOf(error) !== grpcCode.invalidArgument) throw error;
      refused.push({ name, reason: messageOf(error) });
    }
  }
  return refused;
}
