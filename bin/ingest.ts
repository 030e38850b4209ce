// The local command, which `npm run fetch-data`, `npm run status` and the others start.
import { runCommandLine } from '../local/cli/command-line.ts';
import { backfill } from '../local/cli/commands/backfill.ts';
import { demo } from '../local/cli/commands/demo.ts';
import { createDrill } from '../local/cli/commands/drill.ts';
import { explain } from '../local/cli/commands/explain.ts';
import { exportPrices } from '../local/cli/commands/export.ts';
import { fetchData } from '../local/cli/commands/fetch-data.ts';
import { importPrices } from '../local/cli/commands/import.ts';
import { migrate } from '../local/cli/commands/migrate.ts';
import { recompute } from '../local/cli/commands/recompute.ts';
import { redrive } from '../local/cli/commands/redrive.ts';
import { report } from '../local/cli/commands/report.ts';
import { sql } from '../local/cli/commands/sql.ts';
import { start } from '../local/cli/commands/start.ts';
import { status } from '../local/cli/commands/status.ts';
import { universe } from '../local/cli/commands/universe.ts';

const commands = {
  'fetch-data': fetchData,
  backfill,
  status,
  report,
  sql,
  export: exportPrices,
  import: importPrices,
  explain,
  recompute,
  migrate,
  universe,
  redrive,
  drill: createDrill(),
  demo,
  start,
};

// Not process.exit(), which would lose what is still in the pipe to stdout.
process.exitCode = await runCommandLine(commands, process.argv.slice(2));
