import type { Connection } from '@temporalio/client';

import { SEARCH_ATTRIBUTES } from '../../workflows/ids.ts';

/** IndexedValueType of the Temporal API. */
export const KEYWORD = 2;
const ALREADY_EXISTS = 6;

/** Creates those of our search attributes that the namespace lacks. Doing it again changes nothing. */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.values(SEARCH_ATTRIBUTES).filter((name) => customAttributes?.[name] == null);
  for (const name of missing) {
    await connection.operatorService
      .addSearchAttributes({ namespace, searchAttributes: { [name]: KEYWORD } })
      .catch((error: { code?: number }) => {
        if (error.code !== ALREADY_EXISTS) throw error;
      });
  }
}
