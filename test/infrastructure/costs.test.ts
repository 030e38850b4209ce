import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type DeploymentName, STAGES } from './deployments.ts';
import { propertiesOf, templateOf } from './templates.ts';

/** The rows of the table by stage: `| item | price | dev | staging | prod |`. */
const rows = readFileSync('docs/costs.md', 'utf8')
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter((cells) => cells.length === 7)
  .slice(2)
  .map(([, item = '', price = '', ...amounts]) => ({ item, price, amounts: amounts.slice(0, 3) }));

const row = (start: string) => {
  const found = rows.find(({ item }) => item.startsWith(start));
  if (!found) throw new Error(`docs/costs.md has no row that begins with "${start}"; it has ${rows.length} rows.`);
  return found;
};
/** What is less than a dollar and has no sum of its own is left out, as the table says. */
const dollars = (amount = ''): number => Number(/^\*{0,2}([\d.]+)\*{0,2}$/.exec(amount)?.[1] ?? 0);

describe.each(STAGES.map((stage, index) => ({ stage, index })))('docs/costs.md, $stage', ({ stage, index }) => {
  const count = (type: string) => propertiesOf(templateOf(stage), type).length;

  test('its items add up', () => {
    const items = rows.filter(({ item }) => !item.startsWith('**'));
    const sum = items.reduce((total, { amounts }) => total + dollars(amounts[index]), 0);
    expect(sum).toBeCloseTo(dollars(row('**together**').amounts[index]), 2);
  });

  test('alarms, secrets and keys are counted as the template has them', () => {
    const alarms = count('AWS::CloudWatch::Alarm');
    expect(row('alarms').item.match(/\d+/g)?.[index]).toBe(String(alarms));
    expect(dollars(row('alarms').amounts[index])).toBeCloseTo((alarms - 10) * 0.1, 2);
    // RDS makes the third.
    expect(row('3 secrets').amounts[index]).toBe(((count('AWS::SecretsManager::Secret') + 1) * 0.4).toFixed(2));
    expect(row('1 KMS key').amounts[index]).toBe(count('AWS::KMS::Key').toFixed(2));
    expect(count('AWS::CloudWatch::Dashboard')).toBe(1);
  });

  test('it pays for the way out that it has', () => {
    expect(dollars(row('way out: NAT gateway').amounts[index]) > 0).toBe(count('AWS::EC2::NatGateway') > 0);
    expect(dollars(row('way out: NAT instance').amounts[index]) > 0).toBe(count('AWS::EC2::Instance') > 0);
  });

  test('what is paid by the hour is 730 times its price', () => {
    for (const { price, amounts } of rows.filter((one) => one.price.includes('an hour'))) {
      const amount = dollars(amounts[index]);
      if (amount > 0) expect(amount).toBeCloseTo(Number.parseFloat(price) * 730, 2);
    }
  });
});

test('a webhook adds its secret, which a person makes, and its alarm', () => {
  const count = (name: DeploymentName, type: string) => propertiesOf(templateOf(name), type).length;
  const added = (type: string) => count('webhook', type) - count('prod', type);
  expect(added('AWS::SecretsManager::Secret')).toBe(0);
  const sum = 0.4 + added('AWS::CloudWatch::Alarm') * 0.1;
  expect(readFileSync('docs/costs.md', 'utf8')).toContain(`A webhook for the alarms adds ${sum.toFixed(2)}:`);
});

test('dev stays under 25 dollars a month', () => {
  expect(dollars(row('**together**').amounts[0]) + 0.5).toBeLessThan(25);
});
