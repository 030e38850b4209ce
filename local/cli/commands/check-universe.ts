import { composeClient } from '../../../ingestion/compose-run.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { defineCommand, EXIT, JSON_OPTION } from '../command.ts';
import { compareUniverse } from '../compare-universe.ts';

export const checkUniverse = defineCommand({
  summary: 'Compare the tracked coins and currencies with those that CoinGecko lists.',
  options: JSON_OPTION,
  async run({ settings: { source, universe }, interrupt }) {
    const client = composeClient(source, systemClock);
    const differences = compareUniverse(
      universe,
      await client.listCoins(interrupt),
      await client.listCurrencies(interrupt),
    );
    const counts = `${universe.coins.length} coins and ${universe.currencies.length} currencies`;
    return {
      exitCode: differences.length === 0 ? EXIT.complete : EXIT.incomplete,
      document: { coins: universe.coins.length, currencies: universe.currencies.length, differences },
      text:
        differences.length === 0
          ? `CoinGecko lists all ${counts}, as they are tracked.`
          : [
              ...differences.map(({ detail }) => detail),
              `${differences.length} of ${counts} differ: correct universe.json, or the file that UNIVERSE names.`,
            ].join('\n'),
    };
  },
});
