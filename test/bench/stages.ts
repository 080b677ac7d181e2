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
  { name: 'relay', file: 'relay.ts', about: 'Baton beside other relays, both ways', limitMinutes: 12 },
  {
    name: 'cluster',
    file: 'relay.ts',
    about: 'Baton beside the minimal relay on a Temporal server on PostgreSQL',
    limitMinutes: 12,
    servers: 'cluster',
  },
];
