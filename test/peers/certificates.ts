/** A certificate authority of the tests' own, made with openssl. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTemporaryDirectory, run } from '../support/child.ts';
import { findProgram } from '../support/programs.ts';

/** Paths of PEM files, and their text. */
export type Certificate = {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
};

export type CertificateAuthority = {
  readonly certificateFile: string;
  readonly cert: string;
  /** A certificate for these subject alternative names: `DNS:dns.example.org`, `IP:127.0.0.1`. */
  issue(...names: string[]): Promise<Certificate>;
};

const KEY_OPTIONS = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2'];

export async function createAuthority(): Promise<CertificateAuthority> {
  const directory = makeTemporaryDirectory('certificates');
  const request = [findProgram('openssl') ?? 'openssl', 'req', '-x509', ...KEY_OPTIONS];
  let count = 0;
  const create = async (args: string[]): Promise<Certificate> => {
    const name = join(directory, String(count++));
    const [certificateFile, keyFile] = [`${name}.pem`, `${name}.key`];
    await run([...request, '-keyout', keyFile, '-out', certificateFile, ...args], { cwd: directory });
    return {
      certificateFile,
      keyFile,
      cert: readFileSync(certificateFile, 'utf8'),
      key: readFileSync(keyFile, 'utf8'),
    };
  };
  const root = await create(['-subj', '/CN=Tests']);
  const issuer = ['-CA', root.certificateFile, '-CAkey', root.keyFile];
  return {
    certificateFile: root.certificateFile,
    cert: root.cert,
    issue: (...names) => create([...issuer, '-subj', '/CN=upstream', '-addext', `subjectAltName=${names.join(',')}`]),
  };
}
