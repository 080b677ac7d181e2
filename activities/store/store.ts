import type { Logger } from 'pino';
import type { DeskRegistry } from '../desks/registry.ts';
import type { Store } from './types.ts';

export type * from './types.ts';

export interface StoreOptions {
  databaseUrl: string;
  /** `kid:base64,...`, see `createSecretBox`. */
  secretKeys: string;
  log: Logger;
  /** Which config fields are secret; the product's own registry by default. */
  desks?: DeskRegistry;
  /** Connections beside the one that listens; 10 by default. */
  poolSize?: number;
}

/** Opens nothing: the first query connects, so that a process can start while its database is away. */
export function createStore(_options: StoreOptions): Store {
  throw new Error('not built yet');
}

export { migrate } from './migrate.ts';
export { isUnavailable } from './unavailable.ts';
export { CursorError } from './cursor.ts';
