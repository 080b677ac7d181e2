import { continueAsNew } from '@temporalio/workflow';
import * as act from './proxies.ts';

/** Pages of one run, so that its history stays short. */
const PAGES = 300;

/** Ids that are kept to be tried again, and for the operator to read; all are in the log. */
const KEPT = 2_000;

interface Recovery {
  /** ISO 8601: the moment of the backup, or earlier. What ended before it is not looked at. */
  since: string;
  /** Set by continue-as-new. */
  carried?: { token: string; sums: Sums };
}

interface Sums {
  looked: number;
  /** The journal had lost something of them and has it again. */
  restored: number;
  /** The journal knows more than the run: Temporal is older than the database. */
  ahead: string[];
  /** Nothing could be done; the log says why. */
  failed: string[];
}

/**
 * After PostgreSQL was restored from a backup: gives rows and journals back what Temporal still knows of handoffs and native
 * conversations. An operator starts it, again as often as he likes. See deploy/backup.md.
 */
export async function recovery({ since, carried }: Recovery): Promise<Sums> {
  const sums = carried?.sums ?? { looked: 0, restored: 0, ahead: [], failed: [] };
  let token = carried?.token;
  for (let page = 0; page < PAGES; page += 1) {
    const done = await act.recover.recoverPage({ since, ...(token === undefined ? {} : { token }) });
    sums.looked += done.looked;
    sums.restored += done.restored;
    sums.ahead = [...sums.ahead, ...done.ahead].slice(0, KEPT);
    sums.failed = [...sums.failed, ...done.failed].slice(0, KEPT);
    token = done.token;
    if (token === undefined) return await tryAgain(sums);
  }
  return await continueAsNew<typeof recovery>({ since, carried: { token: token!, sums } });
}

/** A handoff may have to wait for an earlier one of its conversation, which still looked open. */
async function tryAgain(sums: Sums): Promise<Sums> {
  if (sums.failed.length === 0) return sums;
  const done = await act.recover.recoverAgain(sums.failed);
  return { ...sums, restored: sums.restored + done.restored, failed: done.failed };
}
