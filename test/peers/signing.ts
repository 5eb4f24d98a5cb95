/** Signs zones with BIND's tools. */
import { copyFileSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from '../support/child.ts';
import { findProgram } from '../support/programs.ts';

export type SignedZone = {
  readonly zone: string;
  /** The signed zone file. */
  readonly file: string;
  /** The DNSKEY record of the key-signing key, as a validator's trust anchor. */
  readonly trustAnchor: string;
};

/** Start and end of the signatures' validity as dnssec-signzone takes them, such as `now-1h` or `20200101000000`. */
export type Validity = { readonly start: string; readonly end: string };

export const VALID_NOW: Validity = { start: 'now-1h', end: 'now+30d' };
export const LONG_EXPIRED: Validity = { start: '20200101000000', end: '20200201000000' };

/** Signs a copy of `source`, named `ZONE.zone`, in `directory`: one combined key, ECDSA P-256. */
export async function signZone(source: string, directory: string, validity: Validity): Promise<SignedZone> {
  const zone = basename(source, '.zone');
  const file = join(directory, basename(source));
  copyFileSync(source, file);
  const key = ['-K', directory];
  const keygen = [findProgram('dnssec-keygen') ?? '', ...key, '-a', 'ECDSAP256SHA256', '-f', 'KSK', zone];
  const keyName = (await run(keygen, { cwd: directory })).trim();
  const signzone = findProgram('dnssec-signzone') ?? '';
  const times = ['-s', validity.start, '-e', validity.end];
  // -z: the one key signs everything; -S: takes the key from the directory; -P: expired signatures are meant to be.
  await run([signzone, '-S', '-z', '-P', ...key, ...times, '-o', zone, '-f', `${file}.signed`, file], {
    cwd: directory,
  });
  return {
    zone,
    file: `${file}.signed`,
    trustAnchor: lastLine(readFileSync(join(directory, `${keyName}.key`), 'utf8')),
  };
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
