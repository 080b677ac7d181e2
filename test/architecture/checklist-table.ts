import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { CHECKLIST, type Line } from './checklist.ts';

export const TABLE = 'test/CHECKLIST.md';

const cell = (text: string): string => text.replaceAll('|', '\\|');

const proof = ({ shown, elsewhere }: Line): string =>
  shown === undefined
    ? `– ${cell(elsewhere ?? '')}`
    : shown.map(([file, name]) => `[${file}](${file}): ${cell(name)}`).join('<br>');

/** The checklist as people read it; a test compares it with the file. */
export function checklistTable(): string {
  const ticked = CHECKLIST.filter(({ shown }) => shown !== undefined).length;
  return [
    '# Feature checklist',
    '',
    `The ${CHECKLIST.length} features of GPTBots' human handoff that Baton matches, by the numbers of the list it was built from. ${ticked} are`,
    `shown by tests, which are named; – says why a line has none. All tests of desks run against simulators: what only a vendor's live`,
    "system could show is in that desk's guide, under what was decided and what is not published.",
    '',
    'Made by `npm run checklist` from `test/architecture/checklist.ts`.',
    '',
    '| # | feature | shown by |',
    '|---|---|---|',
    ...CHECKLIST.map((line) => `| ${line.n} | ${cell(line.asks)} | ${proof(line)} |`),
    '',
  ].join('\n');
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await writeFile(new URL(`../../${TABLE}`, import.meta.url), checklistTable());
  console.log(`wrote ${TABLE}`);
}
