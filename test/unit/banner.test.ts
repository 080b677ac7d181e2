import { expect, it } from 'vitest';
import { banner } from '../../worker/local/banner.ts';

const options = {
  address: 'http://127.0.0.1:8080',
  temporalUi: 'http://127.0.0.1:8233',
  operator: { value: 'op_secret', fresh: true, path: '.data/operator.key' as string | undefined },
  playground: true,
  demo: true,
  startedInMs: 3_210,
};

it('begins with a link to the playground, fits on a screen and says how it is stopped', () => {
  const lines = banner(options).split('\n');
  expect(lines.slice(1, 6)).toEqual([
    'Baton is ready (3.2 s)',
    '',
    '  Playground     http://127.0.0.1:8080/playground#key=op_secret',
    '  Console        http://127.0.0.1:8080/#key=op_secret',
    '  Operator key   op_secret',
  ]);
  expect(lines.length).toBeLessThanOrEqual(24);
  expect(lines.at(-2)).toBe('Ctrl-C stops everything.');
});

it('never repeats a key that was given', () => {
  const text = banner({ ...options, operator: { value: 'given-by-env', fresh: false, path: undefined } });
  expect(text).not.toContain('given-by-env');
  expect(text).toContain('  Console        http://127.0.0.1:8080/\n');
  expect(text).toContain('  Playground     http://127.0.0.1:8080/playground\n');
  expect(text).toContain('as given in BATON_OPERATOR_KEY');
});

it('does not name what is not there', () => {
  const text = banner({ ...options, playground: false, demo: false, temporalUi: undefined });
  expect(text).not.toMatch(/Playground|curl|Temporal UI/);
  expect(text).toContain('Console');
});
