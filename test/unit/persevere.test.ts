import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { persevere } from '../../worker/persevere.ts';

const listen = () => {
  const lines: { msg: string; reason: string }[] = [];
  return { lines, log: pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) }) };
};

describe('what is tried until it works', () => {
  it('gives its answer, and says once why it did not work', async () => {
    const { log, lines } = listen();
    let tries = 0;
    const attempt = async (): Promise<number> => {
      tries += 1;
      if (tries < 3) throw new Error('connection refused.');
      return tries;
    };
    expect(await persevere('The server', attempt, { log, signal: new AbortController().signal })).toBe(3);
    expect(lines.map(({ msg, reason }) => [msg, reason])).toEqual([
      ['The server does not answer as it should; trying again', 'connection refused'],
    ]);
  });

  it('ends when the process stops, also in the middle of a try that hangs', async () => {
    const stop = new AbortController();
    const trying = persevere('The server', () => new Promise(() => undefined), { ...listen(), signal: stop.signal });
    stop.abort();
    expect(await trying).toBeUndefined();
  });

  it('is not tried again when that helps nobody', async () => {
    const attempt = async (): Promise<never> => {
      throw new Error('the database is newer');
    };
    const patience = { ...listen(), signal: new AbortController().signal, isPermanent: () => true };
    await expect(persevere('The database', attempt, patience)).rejects.toThrow('the database is newer');
  });

  it('fails in words when the time for it is over', async () => {
    const attempt = async (): Promise<never> => {
      throw Object.assign(new Error(''), { code: 'ECONNREFUSED' });
    };
    const patience = { ...listen(), signal: new AbortController().signal, forMs: 0 };
    await expect(persevere('The database', attempt, patience)).rejects.toThrow(
      'The database does not answer as it should: ECONNREFUSED.',
    );
  });
});
