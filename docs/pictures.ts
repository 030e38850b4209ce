// Makes the README's pictures from what the program really shows: `npm run pictures`. It needs Debian's chromium.
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { startEmbeddedPostgres } from '../local/postgres/embedded-postgres.ts';
import { startSimulator } from '../simulator/server.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const IMAGES = fileURLToPath(new URL('images/', import.meta.url));
const CHROMIUM = '/usr/bin/chromium';

const run = promisify(execFile);

async function command(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const { stdout } = await run(process.execPath, ['bin/ingest.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
  });
  return stdout.trimEnd();
}

/** The end of a first run and the status after it, with made-up prices. */
async function terminalScreen(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pictures-'));
  // The server may run as another user.
  await chmod(folder, 0o755);
  const simulator = await startSimulator();
  const server = await startEmbeddedPostgres({ dataFolder: folder, log: console.error });
  try {
    const env = {
      DATABASE_URL: server.url,
      COINGECKO_BASE_URL: simulator.baseUrl,
      // What a free key allows, so that the run takes as long as a real one.
      COINGECKO_REQUESTS_PER_MINUTE: '30',
    };
    const fetched = await command(['fetch-data'], env);
    const status = await command(['status'], env);
    return [
      '$ npm run fetch-data',
      ...fetched.split('\n').slice(-3),
      '',
      '$ npm run status',
      ...status.split('\n'),
    ].join('\n');
  } finally {
    await server.stop();
    await simulator.close();
    await rm(folder, { recursive: true });
  }
}

const LETTER = { width: 8.4, height: 18, size: 14 };
const MARGIN = 16;

/** Each line is as wide as its letters, whatever font there is, so that the tables' lines meet. */
function svgOf(screen: string): string {
  const lines = screen.split('\n');
  // Runs of blanks would become one.
  const inSvg = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(' ', '\u00a0');
  const width = Math.ceil(Math.max(...lines.map(({ length }) => length)) * LETTER.width) + 2 * MARGIN;
  const height = lines.length * LETTER.height + 2 * MARGIN;
  const texts = lines.flatMap((line, index) =>
    line === ''
      ? []
      : [
          `<text x="${MARGIN}" y="${MARGIN + index * LETTER.height + LETTER.size}" textLength="${(line.length * LETTER.width).toFixed(1)}"` +
            ` lengthAdjust="spacingAndGlyphs"${line.startsWith('$') ? ' fill="#7ee787"' : ''}>${inSvg(line)}</text>`,
        ],
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"
  font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${LETTER.size}" fill="#e6edf3">
<title>npm run fetch-data, and npm run status after it</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${texts.join('\n')}
</svg>
`;
}

/** The upper part of the demo's page. */
async function photographPage(file: string): Promise<void> {
  const { page: path }: { page: string } = JSON.parse(await command(['demo', '--json'], { DATABASE_URL: '' }));
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
    await page.goto(pathToFileURL(path).href);
    await page.screenshot({ path: file });
  } finally {
    await browser.close();
  }
}

await mkdir(IMAGES, { recursive: true });
await writeFile(join(IMAGES, 'terminal.svg'), svgOf(await terminalScreen()));
await photographPage(join(IMAGES, 'page.png'));
