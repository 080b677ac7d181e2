import { expect, test } from 'vitest';
import { GroupCommit } from '../../activities/store/group-commit.ts';

/** Writes that end when the test says so. */
function scripted() {
  const groups: number[][] = [];
  const ends: ((error?: Error) => void)[] = [];
  const commits = new GroupCommit<number>((items) => {
    groups.push(items);
    return new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
  });
  return { commits, groups, ends };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('one write is under way at a time, and all that come meanwhile share the next, in order', async () => {
  const { commits, groups, ends } = scripted();
  const added = [1, 2].map((item) => commits.add(item));
  await settle();
  added.push(...[3, 4, 5].map((item) => commits.add(item)));
  await settle();
  expect(groups).toEqual([[1, 2]]);
  ends[0]!();
  await settle();
  expect(groups).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
  ends[1]!();
  await Promise.all(added);
  const last = commits.add(6);
  await settle();
  ends[2]!();
  await last;
  expect(groups).toHaveLength(3);
});

test('nobody is told before the write with his item has ended', async () => {
  const { commits, ends } = scripted();
  const told: number[] = [];
  const added = [1, 2].map((item) => commits.add(item).then(() => told.push(item)));
  await settle();
  expect(told).toEqual([]);
  ends[0]!();
  await Promise.all(added);
  expect(told).toEqual([1, 2]);
});

test('only the guilty items are refused, and those that come later are not touched', async () => {
  const stored = new Set<number>();
  const commits = new GroupCommit<number>(async (items) => {
    if (items.some((item) => item % 10 === 0)) throw new Error('bad item');
    for (const item of items) stored.add(item);
  });
  const items = Array.from({ length: 25 }, (_, i) => i + 1);
  const answers = await Promise.allSettled(items.map((item) => commits.add(item)));
  const refused = items.filter((_, i) => answers[i]?.status === 'rejected');
  expect(refused).toEqual([10, 20]);
  expect([...stored].toSorted((a, b) => a - b)).toEqual(items.filter((item) => item % 10 !== 0));
  await commits.add(26);
  expect(stored.has(26)).toBe(true);
});

test('when the database is away, the whole group is told at once and the next group tries anew', async () => {
  const { commits, groups, ends } = scripted();
  const added = [1, 2, 3].map((item) => commits.add(item));
  await settle();
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  ends[0]!(refused);
  expect((await Promise.allSettled(added)).map((answer) => answer.status)).toEqual([
    'rejected',
    'rejected',
    'rejected',
  ]);
  expect(groups).toHaveLength(1);
  const next = commits.add(4);
  await settle();
  ends[1]!();
  await next;
});

test('idle waits for what is under way', async () => {
  const { commits, ends } = scripted();
  await commits.idle();
  let idle = false;
  const added = commits.add(1);
  const waiting = commits.idle().then(() => (idle = true));
  await settle();
  expect(idle).toBe(false);
  ends[0]!();
  await Promise.all([added, waiting]);
});
