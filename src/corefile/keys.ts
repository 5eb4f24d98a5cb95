import type { Key, Token, Transport } from './cursor.ts';
import { ConfigError } from './errors.ts';
import { zonesOf } from './zones.ts';

const MAX_PORT = 65535;

/** The keys that one word before a server block stands for: one, or as many as its CIDR has reverse zones. */
export function parseKey(token: Token, defaultPort: number): Key[] {
  const parsed = zonesOf(token.text);
  if ('problem' in parsed) throw keyError(token, parsed.problem);
  const { transport, zones, port = defaultPortOf(transport, defaultPort) } = parsed;
  if (port < 0 || port > MAX_PORT) throw keyError(token, `the port must be 0..${MAX_PORT}, got "${port}"`);
  return zones.map((zone) => ({ transport, zone, port, token }));
}

function keyError(token: Token, problem: string): ConfigError {
  const hint = token.text.endsWith('{') ? '; put a space before "{"' : '';
  return new ConfigError(token, `server block "${token.text}": ${problem}${hint}`);
}

function defaultPortOf(transport: Transport, dnsPort: number): number {
  switch (transport) {
    case 'tls':
    case 'quic':
      return 853;
    case 'grpc':
    case 'https':
    case 'https3':
      return 443;
    default:
      return dnsPort;
  }
}
