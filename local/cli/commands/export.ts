import { show } from '../../../ingestion/contract/show.ts';
import { exportStatement } from '../../../ingestion/database/export-prices.ts';
import { type Rows, readRows } from '../../../ingestion/database/read-rows.ts';
import { isDay } from '../../../ingestion/domain/day.ts';
import { formatQuantity } from '../../../report/format.ts';
import { csvChunks, jsonChunks } from '../../output/rows-text.ts';
import { checkNames } from '../check-names.ts';
import { defineCommand, EXIT } from '../command.ts';
import { UsageError } from '../usage-error.ts';
import { withDatabase } from '../with-database.ts';
import { writeAtomically } from '../write-file.ts';

const WRITERS = { csv: csvChunks, json: jsonChunks } as const;
type Format = keyof typeof WRITERS;

export const exportPrices = defineCommand({
  summary: 'Write daily prices as CSV or JSON, to stdout or into a file.',
  options: {
    from: { type: 'string', value: 'YYYY-MM-DD', description: 'The first UTC day. Default: the first that is stored.' },
    to: { type: 'string', value: 'YYYY-MM-DD', description: 'The last UTC day. Default: the last that is stored.' },
    coin: { type: 'string', value: 'ID', multiple: true, description: 'Only this coin. May be repeated.' },
    currency: { type: 'string', value: 'CODE', multiple: true, description: 'Only this currency. May be repeated.' },
    format: { type: 'string', value: 'csv|json', description: 'Default: json for a FILE of that name, else csv.' },
    out: { type: 'string', value: 'FILE', description: 'The file to write; one that is there is replaced as a whole.' },
    json: {
      type: 'boolean',
      description: 'With --out, print what was written as one JSON document; without, the same as --format json.',
    },
  },
  async run(context, { from, to, coin: coins, currency: currencies, out, ...options }) {
    checkDays(from, to);
    const format = chooseFormat(options, out);
    return await withDatabase(context, async (database) => {
      await checkNames(database, context.settings.universe, { coins, currencies });
      const statement = exportStatement(database.db, { from, to, coins, currencies });
      let count = 0;
      const counted = ({ fields, batches }: Rows): Rows => ({
        fields,
        batches: (async function* () {
          for await (const rows of batches) {
            count += rows.length;
            yield rows;
          }
        })(),
      });
      const write = async (rows: Rows) => {
        const chunks = WRITERS[format](counted(rows));
        if (out !== undefined) return await writeAtomically(out, chunks);
        await context.terminal.pipe(chunks);
        return null;
      };
      const written = await readRows(database, statement, context.interrupt, write);
      if (written === null) {
        context.terminal.note(`${formatQuantity(count, 'row')}.`);
        return { exitCode: EXIT.complete };
      }
      return {
        exitCode: EXIT.complete,
        document: { file: written.path, format, rows: count, isReplaced: written.isReplaced },
        text: `${formatQuantity(count, 'row')} in ${written.path}${written.isReplaced ? ', which replaces the file that was there' : ''}.`,
      };
    });
  },
});

function checkDays(from: string | undefined, to: string | undefined): void {
  for (const [option, day] of Object.entries({ from, to }))
    if (day !== undefined && !isDay(day))
      throw new UsageError(`--${option} is ${show(day)}; it takes a UTC day that exists, as YYYY-MM-DD.`);
  if (from !== undefined && to !== undefined && from > to)
    throw new UsageError(`--from is ${from}; it takes a day that is not after --to, ${to}.`);
}

function chooseFormat({ format, json }: { format?: string; json?: boolean }, out: string | undefined): Format {
  if (format === undefined) return (out === undefined ? json : out.toLowerCase().endsWith('.json')) ? 'json' : 'csv';
  if (format !== 'csv' && format !== 'json') throw new UsageError(`--format is ${show(format)}; it takes csv or json.`);
  if (json && out === undefined && format === 'csv')
    throw new UsageError('--json and --format csv contradict each other: leave one of them out.');
  return format;
}
