import { initial } from './0001-initial.ts';
import { conversations } from './0002-conversations.ts';
import { deadlines } from './0003-deadlines.ts';
import { insight } from './0004-insight.ts';
import { sealing } from './0005-sealing.ts';
import { upkeep } from './0006-upkeep.ts';
import { reconcile } from './0007-reconcile.ts';
import { secondDesk } from './0008-second-desk.ts';
import { requests } from './0009-requests.ts';
import { hookHash } from './0010-hook-hash.ts';
import { recovered } from './0011-recovered.ts';

/**
 * SQL by name, in the order of the names. Text, not functions, so that a checksum is the same from sources and from
 * `dist/`. One that was released is never edited: add the next number.
 */
export const migrations: Record<string, string> = {
  '0001-initial': initial,
  '0002-conversations': conversations,
  '0003-deadlines': deadlines,
  '0004-insight': insight,
  '0005-sealing': sealing,
  '0006-upkeep': upkeep,
  '0007-reconcile': reconcile,
  '0008-second-desk': secondDesk,
  '0009-requests': requests,
  '0010-hook-hash': hookHash,
  '0011-recovered': recovered,
};
