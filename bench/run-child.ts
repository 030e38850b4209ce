// One run in a process of its own: what it takes is the program's alone. Bundled as the worker is.
import { readFileSync } from 'node:fs';
import { runOnce } from './bench-ingestion.ts';

const { verdict, hops, durationMs } = await runOnce(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
const { status, error, requests, rateLimited } = verdict;
const peakMiB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ status, error, requests, rateLimited, hops, durationMs, peakMiB }));
