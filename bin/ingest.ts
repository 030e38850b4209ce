// The local command: what `npm run fetch-data`, `npm run status` and the others start.
import { runCommandLine } from '../local/command-line.ts';
import { backfill } from '../local/commands/backfill.ts';
import { checkUniverse } from '../local/commands/check-universe.ts';
import { demo } from '../local/commands/demo.ts';
import { fetchData } from '../local/commands/fetch-data.ts';
import { migrate } from '../local/commands/migrate.ts';
import { redrive } from '../local/commands/redrive.ts';
import { report } from '../local/commands/report.ts';
import { start } from '../local/commands/start.ts';
import { status } from '../local/commands/status.ts';

const commands = {
  'fetch-data': fetchData,
  backfill,
  status,
  report,
  migrate,
  'check-universe': checkUniverse,
  redrive,
  demo,
  start,
};

// Not process.exit(): what is still in the pipe to stdout would be lost.
process.exitCode = await runCommandLine(commands, process.argv.slice(2));
