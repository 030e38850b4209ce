import { show } from '../../../ingestion/contract/show.ts';
import type { Database } from '../../../ingestion/database/connection.ts';
import {
  exportStatement,
  type Rows,
  readRows,
  readSeriesNames,
  wideStatement,
} from '../../../ingestion/database/read-rows.ts';
import { isDay } from '../../../ingestion/domain/day.ts';
import { formatQuantity } from '../../output/format.ts';
import { csvChunks, jsonChunks, widened } from '../../output/rows-text.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { resolveNames, withDatabase } from '../with-database.ts';
import { writeAtomically } from '../write-file.ts';

const WRITERS = { csv: (rows: Rows) => csvChunks(rows, { isForSpreadsheets: true }), json: jsonChunks } as const;
type Format = keyof typeof WRITERS;

type ExportOptions = {
  readonly from?: string;
  readonly to?: string;
  readonly coin?: string[];
  readonly currency?: string[];
  readonly final?: boolean;
  readonly wide?: boolean;
  readonly imported?: boolean;
  readonly format?: Format;
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
};

export async function exportPrices(context: CommandContext, options: ExportOptions): Promise<Outcome> {
  const { from, to, out, final: isFinal = false, wide = false, imported = false, force = false } = options;
  checkDays(from, to);
  const format = chooseFormat(options);
  const { settings, terminal, interrupt } = context;
  const work = async (database: Database): Promise<Outcome> => {
    const given = { coins: options.coin, currencies: options.currency };
    const names = await resolveNames(database, settings.universe, given);
    const selection = { from, to, ...names, isFinal, withImported: imported };
    const series = wide ? await readSeriesNames(database.db, selection) : null;
    const statement = (wide ? wideStatement : exportStatement)(database.db, selection);
    return await readRows(database, statement, interrupt, async (rows) => {
      const counter = { rows: 0 };
      const chunks = WRITERS[format](counted(series ? widened(rows, series) : rows, counter));
      if (out === undefined) {
        await terminal.pipe(chunks);
        terminal.note(`${formatQuantity(counter.rows, 'row')}.`);
        return { exitCode: EXIT.complete };
      }
      const { path, isReplaced } = await writeAtomically(out, chunks, { mayReplace: force });
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
  const [, ending] = /\.(csv|json)$/i.exec(out ?? '') ?? [];
  if (out !== undefined && ending === undefined)
    throw new UsageError(`--out is ${show(out)}; it takes a name that ends in .csv or .json.`);
  const implied = (ending?.toLowerCase() ?? (json ? 'json' : (format ?? 'csv'))) as Format;
  if (format === undefined || format === implied) return implied;
  const other = out === undefined ? '--json' : `--out ${show(out)}`;
  throw new UsageError(`${other} and --format ${format} contradict each other: leave one of them out.`);
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
