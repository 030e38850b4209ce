import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { readLimited } from '../../ingestion/read-limited.ts';
import { UsageError } from './command.ts';

/** Loaded only where they are needed: each takes longer than all that `--help` does. */
const load = process.getBuiltinModule;

/** Of `.env`, and of the authorities that it names: all that are in use take a quarter of it. */
const MOST_BYTES = 1_000_000;

/** What stays on this machine never goes through a proxy. */
const LOOPBACK = ['localhost', '127.0.0.1', '::1', '[::1]'];

/**
 * Reads `.env`, with or without a byte-order mark, in UTF-8 or UTF-16. Variables that are set already take precedence. The
 * names that Node itself reads only as it starts work from there too.
 * @throws UsageError when `.env`, or a file that it names, can't be read.
 */
export function loadDotEnv(environment: NodeJS.ProcessEnv, folder: string): void {
  const givenAtStart = environment['NODE_EXTRA_CA_CERTS'];
  for (const [name, value] of Object.entries(readDotEnv(folder))) environment[name] ??= value;
  const authorities = environment['NODE_EXTRA_CA_CERTS'];
  if (authorities && authorities !== givenAtStart) trust(authorities, folder);
  useProxies(environment);
}

function readDotEnv(folder: string): NodeJS.Dict<string> {
  try {
    return parseEnv(decode(readLimited(resolve(folder, '.env'), MOST_BYTES)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new UsageError(`The file .env can't be read: ${(error as Error).message}.`);
  }
}

/** Editors and shells of Windows write UTF-16, mostly with a mark. A zero beside the first letter gives the others away. */
function decode(bytes: Buffer): string {
  const [first, second] = bytes;
  const isBigEndian = (first === 0xfe && second === 0xff) || (first === 0 && second !== 0);
  const isLittleEndian = (first === 0xff && second === 0xfe) || (second === 0 && first !== 0);
  // The decoder leaves the mark out.
  return new TextDecoder(isBigEndian ? 'utf-16be' : isLittleEndian ? 'utf-16le' : 'utf-8').decode(bytes);
}

function trust(file: string, folder: string): void {
  try {
    const certificates = readLimited(resolve(folder, file), MOST_BYTES).toString();
    // Node takes any text, and says nothing.
    new (load('node:crypto').X509Certificate)(certificates);
    const tls = load('node:tls');
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), certificates]);
  } catch (error) {
    throw new UsageError(
      `NODE_EXTRA_CA_CERTS of .env is "${file}", and that gives no certificates: ${(error as Error).message}. Expected a ` +
        'file with certificates of authorities (PEM).',
    );
  }
}

/** Those that the environment names, as other programs do; Node alone would wait for NODE_USE_ENV_PROXY=1. */
function useProxies(environment: NodeJS.ProcessEnv): void {
  if (environment['NODE_USE_ENV_PROXY'] === '0') return;
  const { HTTP_PROXY, HTTPS_PROXY, http_proxy, https_proxy, NO_PROXY, no_proxy } = environment;
  if (![HTTP_PROXY, HTTPS_PROXY, http_proxy, https_proxy].some(Boolean)) return;
  const direct = [no_proxy || NO_PROXY || [], LOOPBACK].flat().join(',');
  try {
    load('node:http').setGlobalProxyFromEnv({ HTTP_PROXY, HTTPS_PROXY, http_proxy, https_proxy, no_proxy: direct });
  } catch {
    // The parser's own error would quote a password.
    throw new UsageError(
      'HTTP_PROXY or HTTPS_PROXY is not the URL of a proxy; it takes http://user:password@host:port.',
    );
  }
}
