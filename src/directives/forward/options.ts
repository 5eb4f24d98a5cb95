import net from 'node:net';
import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import {
  expectArgs,
  expectNoBody,
  parseDuration,
  parseInteger,
  parseZones,
  unknownProperty,
} from '../../corefile/values.ts';
import { zonesOf } from '../../corefile/zones.ts';
import { type Endpoint, parseTarget } from '../../upstream/endpoint.ts';
import type { HttpsMethod } from '../../upstream/https-channel.ts';
import { POLICY_NAMES, type PolicyName } from '../../upstream/policy.ts';
import type { TlsFiles } from '../../upstream/tls-context.ts';
import { RCODE_NOERROR, rcodeFromName } from '../../wire/header.ts';
import { isSubdomain, nameFromText, ROOT_NAME, type WireName } from '../../wire/name.ts';

/** One `forward` as written; what depends on files is left to set-up. */
export type ForwardConfig = {
  /** For the errors that set-up finds. */
  readonly cursor: Cursor;
  /** The zone whose names are forwarded: lower case, with final dot. */
  readonly from: string;
  /** How many zones FROM stands for; only the first counts. */
  readonly fromZoneCount: number;
  readonly targets: readonly Token[];
  readonly except: readonly string[];
  readonly forceTcp: boolean;
  readonly preferUdp: boolean;
  readonly expireMs: number;
  readonly maxAgeMs: number;
  readonly maxIdle: number;
  readonly maxFails: number;
  /** Failed attempts per query; 0 is no limit, undefined is two for each upstream. */
  readonly maxAttempts: number | undefined;
  readonly readTimeoutMs: number;
  readonly sourceAddress: string | undefined;
  /** To be asked for the addresses of TOs that are given by name; by default the system is. */
  readonly resolvers: readonly Endpoint[];
  readonly httpsMethod: HttpsMethod;
  readonly tls: TlsFiles | undefined;
  readonly tlsServerName: string | undefined;
  readonly policy: PolicyName;
  readonly healthIntervalMs: number;
  readonly healthDomain: WireName;
  readonly healthRecursion: boolean;
  readonly maxConcurrent: number;
  readonly nextRcodes: ReadonlySet<number>;
  readonly nextOnNodata: boolean;
  readonly failoverRcodes: ReadonlySet<number>;
  readonly failfast: boolean;
};

type Draft = { -readonly [Name in keyof ForwardConfig]: ForwardConfig[Name] };
type Property = (line: Cursor, draft: Draft) => void;

const PROPERTIES: Readonly<Record<string, Property>> = {
  except(line, draft) {
    expectArgs(line, 1, Number.POSITIVE_INFINITY);
    draft.except = [...draft.except, ...parseZones(line.args)];
  },
  force_tcp(line, draft) {
    expectArgs(line, 0, 0);
    draft.forceTcp = true;
  },
  prefer_udp(line, draft) {
    expectArgs(line, 0, 0);
    draft.preferUdp = true;
  },
  expire(line, draft) {
    draft.expireMs = parseDuration(line, onlyArg(line), { minMs: 0 });
  },
  max_age(line, draft) {
    draft.maxAgeMs = parseDuration(line, onlyArg(line), { minMs: 0 });
  },
  max_idle_conns(line, draft) {
    draft.maxIdle = parseInteger(line, onlyArg(line), { min: 0 });
  },
  max_fails(line, draft) {
    draft.maxFails = parseInteger(line, onlyArg(line), { min: 0 });
  },
  max_connect_attempts(line, draft) {
    draft.maxAttempts = parseInteger(line, onlyArg(line), { min: 0 });
  },
  read_timeout(line, draft) {
    draft.readTimeoutMs = parseDuration(line, onlyArg(line), { minMs: 1 });
  },
  tls(line, draft) {
    expectArgs(line, 0, 3);
    const paths = line.args.map((arg) => arg.text);
    const [certificate, key, ca] = paths.length === 1 ? [undefined, undefined, ...paths] : paths;
    draft.tls = { ca, certificate, key };
  },
  tls_servername(line, draft) {
    draft.tlsServerName = onlyArg(line).text;
  },
  policy(line, draft) {
    const token = onlyArg(line);
    const policy = POLICY_NAMES.find((name) => name === token.text);
    if (policy === undefined) {
      throw line.error(`unknown policy '${token.text}'; expected ${POLICY_NAMES.join(', ')}`, token);
    }
    draft.policy = policy;
  },
  health_check: parseHealthCheck,
  max_concurrent(line, draft) {
    draft.maxConcurrent = parseInteger(line, onlyArg(line), { min: 0 });
  },
  next(line, draft) {
    draft.nextRcodes = new Set([...draft.nextRcodes, ...parseRcodes(line)]);
  },
  next_on_nodata(line, draft) {
    expectArgs(line, 0, 0);
    draft.nextOnNodata = true;
  },
  failover(line, draft) {
    const rcodes = parseRcodes(line);
    const noError = rcodes.indexOf(RCODE_NOERROR);
    if (noError !== -1) throw line.error('NoError cannot be used in failover', line.args[noError]);
    draft.failoverRcodes = new Set([...draft.failoverRcodes, ...rcodes]);
  },
  failfast_all_unhealthy_upstreams(line, draft) {
    expectArgs(line, 0, 0);
    draft.failfast = true;
  },
  source_address(line, draft) {
    const token = onlyArg(line);
    if (net.isIP(token.text) === 0)
      throw line.error(`source_address must be an IP address, got "${token.text}"`, token);
    draft.sourceAddress = token.text;
  },
  resolver(line, draft) {
    expectArgs(line, 1, Number.POSITIVE_INFINITY);
    draft.resolvers = [...draft.resolvers, ...line.args.map((token) => parseResolver(line, token))];
  },
  doh_method(line, draft) {
    const token = onlyArg(line);
    if (token.text !== 'GET' && token.text !== 'POST') {
      throw line.error(`doh_method must be GET or POST, got "${token.text}"`, token);
    }
    draft.httpsMethod = token.text;
  },
};

/** Syntax: `forward FROM TO... { ... }`, see README.md. */
export function parse(cursor: Cursor): ForwardConfig {
  expectArgs(cursor, 2, Number.POSITIVE_INFINITY);
  const [from, ...targets] = cursor.args;
  const zones = zonesOf(from.text);
  if ('problem' in zones) throw cursor.error(zones.problem, from);
  const draft: Draft = {
    cursor,
    from: zones.zones[0],
    fromZoneCount: zones.zones.length,
    targets,
    except: [],
    forceTcp: false,
    preferUdp: false,
    expireMs: 10_000,
    maxAgeMs: 0,
    maxIdle: 0,
    maxFails: 2,
    maxAttempts: undefined,
    readTimeoutMs: 2000,
    sourceAddress: undefined,
    resolvers: [],
    httpsMethod: 'POST',
    tls: undefined,
    tlsServerName: undefined,
    policy: 'random',
    healthIntervalMs: 500,
    healthDomain: ROOT_NAME,
    healthRecursion: true,
    maxConcurrent: 0,
    nextRcodes: new Set(),
    nextOnNodata: false,
    failoverRcodes: new Set(),
    failfast: false,
  };
  for (const line of cursor.body) {
    const property = Object.hasOwn(PROPERTIES, line.name.text) ? PROPERTIES[line.name.text] : undefined;
    if (property === undefined) throw unknownProperty(line, Object.keys(PROPERTIES));
    expectNoBody(line);
    property(line, draft);
  }
  // `expire` may stand behind it.
  const maxAge = cursor.body.findLast((line) => line.name.text === 'max_age');
  if (maxAge !== undefined && draft.maxAgeMs > 0) {
    parseDuration(maxAge, maxAge.args[0], { minMs: draft.expireMs, name: 'max_age, to be no less than expire,' });
  }
  return draft;
}

/** FROM itself is never excepted. */
export function isForwarded(qname: string, { from, except }: Pick<ForwardConfig, 'from' | 'except'>): boolean {
  if (!isSubdomain(qname, from)) return false;
  return except.length === 0 || qname === from || !except.some((zone) => isSubdomain(qname, zone));
}

/** `health_check DURATION [no_rec] [domain FQDN]` */
function parseHealthCheck(line: Cursor, draft: Draft): void {
  expectArgs(line, 1, 4);
  const [duration, ...options] = line.args;
  draft.healthIntervalMs = parseDuration(line, duration, { minMs: 0 });
  for (let option = options.shift(); option !== undefined; option = options.shift()) {
    if (option.text === 'no_rec') {
      draft.healthRecursion = false;
    } else if (option.text === 'domain') {
      const value = options.shift();
      if (value === undefined) throw line.error('health_check: domain takes a name', option);
      const domain = nameFromText(value.text);
      if (domain === undefined) throw line.error(`health_check: invalid domain name ${value.text}`, value);
      draft.healthDomain = domain;
    } else {
      throw line.error(`health_check: unknown option ${option.text}; expected no_rec, domain`, option);
    }
  }
}

/** `IP[:PORT]` */
function parseResolver(line: Cursor, token: Token): Endpoint {
  const target = parseTarget(token.text);
  if ('endpoint' in target && target.endpoint.protocol === 'dns') return target.endpoint;
  throw line.error(`resolver must be IP[:PORT], got "${token.text}"`, token);
}

function parseRcodes(line: Cursor): number[] {
  expectArgs(line, 1, Number.POSITIVE_INFINITY);
  return line.args.map((token) => {
    const rcode = rcodeFromName(token.text);
    if (rcode === undefined) throw line.error(`${token.text} is not a valid rcode`, token);
    return rcode;
  });
}

function onlyArg(line: Cursor): Token {
  expectArgs(line, 1, 1);
  return line.args[0];
}
