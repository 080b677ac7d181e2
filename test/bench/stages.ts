export interface StageEntry {
  name: string;
  /** The file that exports `stage`. */
  file: string;
  /** What it measures, for the one who waits. */
  about: string;
  /** Minutes after which it is ended: something hangs. */
  limitMinutes: number;
  /** Default: the embedded servers. */
  servers?: 'cluster';
}

/** In the order in which they run. Which of them: `npm run bench -- --only relay,open`. */
export const STAGES: readonly StageEntry[] = [
  { name: 'relay', file: 'relay.ts', about: 'Baton beside other relays, both ways', limitMinutes: 20 },
  {
    name: 'cluster',
    file: 'relay.ts',
    about: 'Baton beside the minimal relay on a Temporal server on PostgreSQL',
    limitMinutes: 20,
    servers: 'cluster',
  },
  { name: 'starts', file: 'scale/starts.ts', about: 'handoffs that begin in a second', limitMinutes: 8 },
  { name: 'webhooks', file: 'scale/webhooks.ts', about: 'signed webhooks of a desk', limitMinutes: 8 },
  { name: 'costs', file: 'scale/costs.ts', about: 'what encryption, callbacks and the journal cost', limitMinutes: 10 },
  {
    name: 'recovery',
    file: 'scale/recovery.ts',
    about: 'all workers killed with 1,000 handoffs open',
    limitMinutes: 12,
  },
  {
    name: 'open',
    file: 'scale/open.ts',
    about: 'latency and memory with 100, 1,000 and 10,000 open',
    limitMinutes: 30,
  },
];
