/** Encodings that hold every character: SQL_ASCII takes bytes as they come. All others hold ASCII at least. */
const HOLDS_ALL = ['UTF8', 'SQL_ASCII'];

/**
 * PostgreSQL's text can't hold U+0000, nor what its database's encoding lacks, and what a source sends may.
 * @param value a parameter of a statement, or its text.
 * @param encoding of the database.
 * @returns the value with what can't be stored replaced, in lists too.
 */
export function storable(value: unknown, encoding = 'UTF8'): unknown {
  if (Array.isArray(value)) return value.map((one) => storable(one, encoding));
  if (typeof value !== 'string') return value;
  return HOLDS_ALL.includes(encoding) ? value.replaceAll('\0', '\ufffd') : value.replace(/\0|\P{ASCII}/gu, '?');
}
