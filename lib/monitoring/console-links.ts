// Addresses in AWS's console. The region may be a token.

const consoleHome = (region: string, page: string): string =>
  `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#${page}`;

export const dashboardLink = (region: string, name: string): string =>
  consoleHome(region, `dashboards/dashboard/${name}`);

/** Everything but the lines of what went well: warnings, errors, metrics, and what Lambda itself has to say. */
const QUERY = `fields @timestamp,@message|filter @message not like '"level":"INFO"'|sort @timestamp desc`;

/**
 * @param groups the names of log groups, not tokens: they are encoded here.
 * @param hours how far to look back.
 * @returns a query of CloudWatch Logs Insights that runs with a click.
 */
export function logQueryLink(region: string, groups: readonly string[], hours: number): string {
  const source = groups.map((group) => `~${quoted(group)}`).join('');
  const query = `(end~0~start~-${hours * 3600}~timeType~'RELATIVE~unit~'seconds~editorString~${quoted(QUERY)}~source~(${source}))`;
  return consoleHome(region, `logsV2:logs-insights$3FqueryDetail$3D~${query.replace(/['()]/g, asHex('$'))}`);
}

/** A text as the console writes it inside of an address: signs as `*2f`, which outlasts the decoding of what is around it. */
const quoted = (text: string): string => `'${text.replace(/[^\w.-]/g, asHex('*'))}`;

/** Quotes and parentheses are encoded too, or mail and chat programs would end the link at the first one. */
const asHex =
  (mark: string) =>
  (sign: string): string =>
    `${mark}${sign.charCodeAt(0).toString(16)}`;
