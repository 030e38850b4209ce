import { show } from '../../../ingestion/contract/show.ts';
import type { Database } from '../../../ingestion/database/connection.ts';
import { exportStatement, type Rows, readRows } from '../../../ingestion/database/read-rows.ts';
import { isDay } from '../../../ingestion/domain/day.ts';
import { formatQuantity } from '../../output/format.ts';
import { csvChunks, jsonChunks } from '../../output/rows-text.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { checkNames, withDatabase } from '../with-database.ts';
import { writeAtomically } from '../write-file.ts';

const WRITERS = { csv: csvChunks, json: jsonChunks } as const;
type Format = keyof typeof WRITERS;

type ExportOptions = {
  readonly from?: string;
  readonly to?: string;
  readonly coin?: string[];
  readonly currency?: string[];
  readonly format?: Format;
  readonly out?: string;
  readonly json?: boolean;
};

export async function exportPrices(context: CommandContext, options: ExportOptions): Promise<Outcome> {
  const { from, to, coin: coins, currency: currencies, out } = options;
  checkDays(from, to);
  const format = chooseFormat(options);
  const { settings, terminal, interrupt } = context;
  const work = async (database: Database): Promise<Outcome> => {
    await checkNames(database, settings.universe, { coins, currencies });
    const statement = exportStatement(database.db, { from, to, coins, currencies });
    return await readRows(database, statement, interrupt, async (rows) => {
      const counter = { rows: 0 };
      const chunks = WRITERS[format](counted(rows, counter));
      if (out === undefined) {
        await terminal.pipe(chunks);
        terminal.note(`${formatQuantity(counter.rows, 'row')}.`);
        return { exitCode: EXIT.complete };
      }
      const { path, isReplaced } = await writeAtomically(out, chunks);
      return {
        exitCode: EXIT.complete,
        document: { file: path, format, rows: counter.rows, isReplaced },
        text: `${formatQuantity(counter.rows, 'row')} in ${path}${isReplaced ? ', which replaces the file that was there' : ''}.`,
      };
    });
  };
  return await withDatabase(context, work, { isReading: true });
}

function checkDays(from: string | undefined, to: string | undefined): void {
  for (const [option, day] of Object.entries({ from, to }))
    if (day !== undefined && !isDay(day))
      throw new UsageError(`--${option} is ${show(day)}; it takes a UTC day that exists, as YYYY-MM-DD.`);
  if (from !== undefined && to !== undefined && from > to)
    throw new UsageError(`--from is ${from}; it takes a day that is not after --to, ${to}.`);
}

function chooseFormat({ format, json, out }: ExportOptions): Format {
  if (format === undefined) return (out === undefined ? json : out.toLowerCase().endsWith('.json')) ? 'json' : 'csv';
  if (json && out === undefined && format === 'csv')
    throw new UsageError('--json and --format csv contradict each other: leave one of them out.');
  return format;
}

/** The same rows, counted as they pass. */
function counted({ fields, batches }: Rows, counter: { rows: number }): Rows {
  async function* counting() {
    for await (const rows of batches) {
      counter.rows += rows.length;
      yield rows;
    }
  }
  return { fields, batches: counting() };
}
