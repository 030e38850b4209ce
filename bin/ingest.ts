// The local command, which `npm run fetch-data`, `npm run status` and the others start.
import './fast-imports.mjs';
import { runCommandLine } from '../local/cli/command-line.ts';

// Not process.exit(), which would lose what is still in the pipe to stdout.
process.exitCode = await runCommandLine(process.argv.slice(2), process);
