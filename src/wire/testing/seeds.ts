/** Good messages of all kinds, to be damaged by `mutate`. */
import { concatBytes } from '../bytes.ts';
import { encodeExtendedError, encodeOption, OPTION_CLIENT_SUBNET, OPTION_COOKIE, OPTION_NSID } from '../edns.ts';
import { buildMessage, buildPlainMessage } from './build.ts';

const options = concatBytes([
  encodeOption(OPTION_NSID, new Uint8Array(0)),
  encodeOption(OPTION_COOKIE, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)),
  encodeOption(OPTION_CLIENT_SUBNET, Uint8Array.of(0, 1, 24, 0, 192, 0, 2)),
]);

export function querySeeds(): Uint8Array[] {
  return [
    buildMessage({ flags: 0x0100, question: 'www.example.org. A' }),
    buildMessage({ flags: 0x0100, question: 'svc.ns.svc.cluster.local. AAAA', opt: {} }),
    buildMessage({ flags: 0x0120, question: 'WwW.eXaMpLe.OrG. HTTPS', opt: { flags: 0x8000, options } }),
    buildMessage({ flags: 0x0100, question: 'a\\.b.c\\000d.example.org. TXT', opt: { udpPayloadBytes: 4096 } }),
    buildMessage({ flags: 0x0100, question: '. NS' }),
    buildMessage({ flags: 0x0000, question: 'version.bind. CH TXT' }),
    buildMessage({ flags: 0x2400, question: 'example.org. SOA', answer: ['example.org. SOA a. b. 1 2 3 4 5'] }),
  ];
}

const SOA = 'example.org. 300 SOA ns1.example.org. host.example.org. 1 7200 900 604800 300';
const RRSIG = 'RRSIG A 13 2 300 20300101000000 20291201000000 4711 example.org. AQIDBAUG';

export function answerSeeds(): Uint8Array[] {
  const mixed = {
    question: 'www.example.org. A',
    answer: ['www.example.org. 300 CNAME web.cdn.example.net.', 'web.cdn.example.net. 60 A 192.0.2.1'],
    authority: ['example.net. 3600 NS ns1.example.net.', 'example.net. 3600 NS ns2.example.org.'],
    additional: ['ns1.example.net. 3600 A 192.0.2.53', 'ns1.example.net. 3600 AAAA 2001:db8::53'],
  };
  return [
    buildMessage({ ...mixed, opt: { options: encodeExtendedError(3, 'stale') } }),
    buildPlainMessage(mixed),
    buildMessage({ flags: 0x8183, question: 'nx.example.org. A', authority: [SOA], opt: { extendedRcodeBits: 1 } }),
    buildPlainMessage({ question: 'example.org. SOA', answer: [SOA], authority: ['example.org. NS ns1.example.org.'] }),
    buildMessage({
      question: 'example.org. HTTPS',
      answer: ['example.org. HTTPS 1 . mandatory=alpn alpn="h2,h3" port=8443 ipv4hint=192.0.2.1 ech=AAEC key667="x"'],
      additional: ['_x.example.org. SVCB 0 y.example.org.'],
    }),
    buildMessage({
      question: 'example.org. ANY',
      answer: [
        'example.org. MX 10 mail.example.org.',
        'example.org. TXT "v=spf1 -all" "\\000\\255"',
        '_dns._udp.example.org. SRV 1 2 53 dns.example.org.',
        'example.org. CAA 0 issue "ca.example.net"',
        'example.org. NAPTR 100 50 "s" "x+y" "" _x.example.org.',
        'example.org. HINFO "x86" "Linux"',
        'example.org. RP host.example.org. txt.example.org.',
        'example.org. TYPE65280 \\# 4 0A000001',
      ],
    }),
    buildMessage({
      question: 'example.org. A',
      answer: ['example.org. A 192.0.2.1', `example.org. ${RRSIG}`],
      authority: ['a.example.org. NSEC b.example.org. A MX RRSIG NSEC', 'example.org. DS 60485 13 2 2BB183AF'],
      additional: ['example.org. DNSKEY 257 3 13 AQID', 'x.example.org. NSEC3 1 0 5 AABB 00000000 A RRSIG'],
      opt: { flags: 0x8000 },
    }),
    buildMessage({ question: '1.2.0.192.in-addr.arpa. PTR', answer: ['1.2.0.192.in-addr.arpa. PTR www.example.org.'] }),
    buildMessage({ question: 'x.example.org. A', answer: ['x.example.org. DNAME y.example.org.'], opt: {} }),
  ];
}

/** Some kilobytes each, with many names that share suffixes. */
export function bigSeeds(): Uint8Array[] {
  const names = Array.from({ length: 60 }, (_, i) => `${'abc'[i % 3]}${i}.pool-${i % 7}.example.org.`);
  return [
    buildMessage({
      question: 'example.org. NS',
      answer: names.map((name) => `example.org. NS ${name}`),
      additional: names.map((name, i) => `${name} A 192.0.2.${i}`),
      opt: { udpPayloadBytes: 4096 },
    }),
    buildPlainMessage({ question: 'example.org. MX', answer: names.map((name, i) => `${name} MX ${i} mail.${name}`) }),
    buildMessage({ question: 'example.org. TXT', answer: names.map((name) => `example.org. TXT "${name.repeat(4)}"`) }),
  ];
}
