import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findChromium } from '../support/chromium.ts';

let folder: string;
let bin: string;
let said: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-chromium-'));
  bin = join(folder, 'bin');
  await mkdir(bin);
  said = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Where the browser lies in its zip on each platform. */
const ZIP_PATHS = [
  'chrome-headless-shell-linux64/chrome-headless-shell',
  'chrome-headless-shell-mac-arm64/chrome-headless-shell',
  'chrome-headless-shell-mac-x64/chrome-headless-shell',
  'chrome-linux/headless_shell',
  // It fetches a video codec as well.
  'ffmpeg-linux',
  'ffmpeg-mac',
];

/** A zip of executable files with the same text, not compressed. */
function zipOf(paths: string[], text: string): Buffer {
  const data = Buffer.from(text);
  const numbers = (...fields: [bytes: 2 | 4, value: number][]): Buffer =>
    Buffer.concat(
      fields.map(([bytes, value]) => {
        const field = Buffer.alloc(bytes);
        field.writeUIntLE(value, 0, bytes);
        return field;
      }),
    );
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const path of paths) {
    const sizes: [4, number][] = [
      [4, crc32(data)],
      [4, data.length],
      [4, data.length],
    ];
    const names: [2, number][] = [
      [2, path.length],
      [2, 0],
    ];
    const common = [[2, 20], [2, 0], [2, 0], [4, 0], ...sizes, ...names] as [2 | 4, number][];
    const file = Buffer.concat([numbers([4, 0x04034b50], ...common), Buffer.from(path), data]);
    // Made on Unix, so that the mode counts: a file that all may run.
    const mode = 0o100755 * 0x10000;
    const entry = numbers([4, 0x02014b50], [2, 0x0314], ...common, [2, 0], [2, 0], [2, 0], [4, mode], [4, offset]);
    directory.push(entry, Buffer.from(path));
    files.push(file);
    offset += file.length;
  }
  const size = Buffer.concat(directory).length;
  const end = numbers([4, 0x06054b50], [4, 0], [2, paths.length], [2, paths.length], [4, size], [4, offset], [2, 0]);
  return Buffer.concat([...files, ...directory, end]);
}

const SAYS_VERSION = 'echo "Chromium 156.0.1 built on a test"';
const SNAP = 'echo "Command requires the chromium snap to be installed." >&2; exit 1';

async function program(path: string, script: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

/** Nothing of this machine: no PATH, no cache, and the download goes to `host`, where nobody listens unless a test does. */
const find = (more: Record<string, string> = {}, isRoot = false, host = 'http://127.0.0.1:1'): Promise<string> =>
  findChromium(
    { PATH: bin, XDG_CACHE_HOME: join(folder, 'cache'), PLAYWRIGHT_DOWNLOAD_HOST: host, ...more },
    (line) => said.push(line),
    isRoot,
  );

describe('the browser of the tests', () => {
  it('is the one that CHROMIUM_PATH names, before all others', async () => {
    await program(join(bin, 'chromium'), SAYS_VERSION);
    const mine = await program(join(folder, 'my chrome'), 'echo "Google Chrome 156.0.1"');
    expect(await find({ CHROMIUM_PATH: mine })).toBe(mine);
    expect(said).toEqual([`Chromium: ${mine} (Google Chrome 156.0.1)`]);
  });

  it.each([
    ['does not exist', () => Promise.resolve('/nowhere/chromium')],
    ['is not an executable file', () => Promise.resolve(import.meta.filename)],
    ['is neither a Chromium nor a Chrome that runs', () => program(join(folder, 'snap'), SNAP)],
  ])('is not looked for elsewhere when what CHROMIUM_PATH names %s', async (why, make) => {
    await program(join(bin, 'chromium'), SAYS_VERSION);
    await expect(find({ CHROMIUM_PATH: await make() })).rejects.toThrow(why);
  });

  it.each(['chromium', 'chromium-browser', 'google-chrome', 'chromium-headless-shell'])(
    'is %s on PATH',
    async (name) => {
      const path = await program(join(bin, name), SAYS_VERSION);
      expect(await find()).toBe(path);
    },
  );

  it('is the one without windows when there are several', async () => {
    await program(join(bin, 'chromium'), SAYS_VERSION);
    const shell = await program(join(bin, 'chromium-headless-shell'), SAYS_VERSION);
    expect(await find()).toBe(shell);
  });

  it('is the next one when a script only asks for a package', async () => {
    const snap = await program(join(bin, 'chromium-browser'), SNAP);
    const chrome = await program(join(bin, 'google-chrome'), SAYS_VERSION);
    expect(await find()).toBe(chrome);
    expect(said[0]).toContain(`${snap} does not run`);
  });

  it('is the newest that was downloaded before', async () => {
    const inCache = (version: number): string =>
      join(folder, `cache/baton/chromium/chromium_headless_shell-${version}/chrome-linux/headless_shell`);
    await program(inCache(999), SAYS_VERSION);
    await program(inCache(1255), SAYS_VERSION);
    expect(await find()).toBe(inCache(1255));
  });

  it('is downloaded by playwright-core otherwise, once', async () => {
    const zip = zipOf(ZIP_PATHS, `#!/bin/sh\n${SAYS_VERSION}\n`);
    const server = createServer((_, response) => response.writeHead(200, { 'content-length': zip.length }).end(zip));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const path = await find({}, false, host);
    server.closeAllConnections();
    server.close();
    expect(path.startsWith(join(folder, 'cache/baton/chromium'))).toBe(true);
    expect(await find()).toBe(path);
  });

  describe('without a download', () => {
    /** Of Debian: it notes how it is called. */
    const apt = (install: string): Promise<string> =>
      program(
        join(bin, 'apt-get'),
        `echo "$DEBIAN_FRONTEND: $*" >> "${folder}/asked"\n[ "$1" = update ] || { ${install}; }`,
      );
    const asked = (): Promise<string> => readFile(join(folder, 'asked'), 'utf8').catch(() => '');
    const INSTALLS =
      'printf "#!/bin/sh\\necho Chromium 156\\n" > "${0%/*}/chromium" && /bin/chmod +x "${0%/*}/chromium"';

    it('is installed by apt-get for root, without anything that asks or is not needed', async () => {
      await apt(INSTALLS);
      expect(await find({}, true)).toBe(join(bin, 'chromium'));
      expect(said[0]).toContain('trying the download');
      expect((await asked()).split('\n')).toEqual([
        'noninteractive: update',
        'noninteractive: install -y --no-install-recommends -o DPkg::Lock::Timeout=60 chromium-headless-shell',
        '',
      ]);
    });

    it('is the package with windows where there is none without', async () => {
      await apt(`case "$*" in *headless*) exit 100;; *) ${INSTALLS};; esac`);
      expect(await find({ PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' }, true)).toBe(join(bin, 'chromium'));
    });

    it.each([
      ['apt-get fails', 'exit 100', true],
      ['what apt-get installs does not run', INSTALLS.replace('Chromium 156', 'no snap'), true],
      ['only root may install it', INSTALLS, false],
    ])('is missed with a word on what to do when %s', async (_, install, isRoot) => {
      await apt(install);
      await expect(find({ PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' }, isRoot)).rejects.toThrow(
        /install one .* or set CHROMIUM_PATH/,
      );
      expect((await asked()) === '').toBe(!isRoot);
    });
  });
});
