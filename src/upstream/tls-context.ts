import fs from 'node:fs';
import type tls from 'node:tls';

/** Paths of PEM files. Without a CA it is those that the system trusts. */
export type TlsFiles = {
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
};

/** What connections over TLS to upstreams are made with. Throws if a file cannot be read or holds no such thing. */
export function createTlsContext({ ca, certificate, key }: TlsFiles): tls.SecureContext {
  const { createSecureContext } = process.getBuiltinModule('node:tls'); // Loaded when first needed: 3 MB.
  return createSecureContext({
    minVersion: 'TLSv1.2',
    ca: ca === undefined ? systemAuthorities() : fs.readFileSync(ca),
    ...(certificate === undefined ? {} : { cert: fs.readFileSync(certificate) }),
    ...(key === undefined ? {} : { key: fs.readFileSync(key) }),
  });
}

/** Images without a bundle of certificates have Node's own. */
function systemAuthorities(): string[] {
  const { getCACertificates } = process.getBuiltinModule('node:tls');
  const authorities = getCACertificates('system');
  return authorities.length > 0 ? authorities : getCACertificates('default');
}
