import type { Client } from '@temporalio/client';
import { type SearchAttributeName, searchAttributeNames, searchAttributes } from '../../domain/names.ts';
import { messageOf } from '../../domain/text.ts';
import { withClientErrors } from '../convert-errors.ts';
import { grpcCode, grpcCodeOf } from '../grpc.ts';

/** Values of Temporal's `IndexedValueType` on the wire. */
const indexedValueTypes = { Keyword: 2, Int: 3, Double: 4, KeywordList: 7 } as const;

/** Which of our search attributes the namespace lacks, or has with another type. */
export interface SearchAttributeReport {
  missing: SearchAttributeName[];
  mistyped: SearchAttributeName[];
  /** Every custom search attribute of the namespace. */
  present: string[];
}

/** Compares the search attributes of the namespace with ours. */
export async function inspectSearchAttributes(client: Client): Promise<SearchAttributeReport> {
  const { namespace } = client.options;
  const { customAttributes } = await withClientErrors('', () =>
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

/** A search attribute that the server refuses, and why. */
export interface RefusedSearchAttribute {
  name: SearchAttributeName;
  reason: string;
}

/**
 * Creates search attributes as far as the server permits it, and returns those that it refuses. They are created one at
 * a time: SQL databases have room for few of each type, and if one does not fit the server refuses the whole call.
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
      await withClientErrors('', () => client.connection.operatorService.addSearchAttributes(request));
    } catch (error) {
      if (grpcCodeOf(error) !== grpcCode.invalidArgument) throw error;
      refused.push({ name, reason: messageOf(error) });
    }
  }
  return refused;
}
