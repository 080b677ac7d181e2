import fc from 'fast-check';
import { expect, it } from 'vitest';
import { contextRounds } from '../../activities/text/rounds.ts';
import { testSeed } from '../support/seed.ts';

const history = fc.array(fc.record({ role: fc.constantFrom('user' as const, 'bot' as const), text: fc.string() }), {
  maxLength: 40,
});

it('the last rounds of any talk are its end, begin with the user and are no more than was asked for', () => {
  fc.assert(
    fc.property(history, fc.integer({ min: -2, max: 25 }), (turns, n) => {
      const last = contextRounds(turns, n);
      expect(last).toEqual(turns.slice(turns.length - last.length));
      if (n <= 0) {
        expect(last).toEqual([]);
        return;
      }
      const isWhole = last.length === turns.length;
      if (!isWhole) expect(last[0]?.role).toBe('user');
      // A round is a user's turn behind one of the bot, the first one aside.
      const answers = last.filter(({ role }, at) => role === 'user' && last[at - 1]?.role === 'bot').length;
      const begins = last[0]?.role === 'user' ? 1 : 0;
      expect(answers + begins).toBeLessThanOrEqual(n);
      if (!isWhole) expect(answers + begins).toBe(n);
      expect(contextRounds(last, n)).toEqual(last);
    }),
    { seed: testSeed('rounds'), numRuns: 300 },
  );
});
