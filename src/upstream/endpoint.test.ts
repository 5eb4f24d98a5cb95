import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTarget } from './endpoint.ts';

const endpoints = [
  { input: '192.0.2.1', want: ['dns', '192.0.2.1', 53, undefined, '192.0.2.1:53'] },
  { input: '192.0.2.1:5353', want: ['dns', '192.0.2.1', 5353, undefined, '192.0.2.1:5353'] },
  { input: 'dns://192.0.2.1', want: ['dns', '192.0.2.1', 53, undefined, '192.0.2.1:53'] },
  { input: 'dns://192.0.2.1:5300', want: ['dns', '192.0.2.1', 5300, undefined, '192.0.2.1:5300'] },
  { input: '2001:db8::1', want: ['dns', '2001:db8::1', 53, undefined, '[2001:db8::1]:53'] },
  { input: '[2001:db8::1]:5353', want: ['dns', '2001:db8::1', 5353, undefined, '[2001:db8::1]:5353'] },
  { input: '[2001:db8::1]', want: ['dns', '2001:db8::1', 53, undefined, '[2001:db8::1]:53'] },
  { input: 'fe80::1%eth0', want: ['dns', 'fe80::1%eth0', 53, undefined, '[fe80::1%eth0]:53'] },
  { input: '[fe80::1%eth0]:5353', want: ['dns', 'fe80::1%eth0', 5353, undefined, '[fe80::1%eth0]:5353'] },
  { input: 'tls://192.0.2.1', want: ['tls', '192.0.2.1', 853, undefined, '192.0.2.1:853'] },
  { input: 'tls://192.0.2.1:8853', want: ['tls', '192.0.2.1', 8853, undefined, '192.0.2.1:8853'] },
  { input: 'tls://192.0.2.1%dns.example.org', want: ['tls', '192.0.2.1', 853, 'dns.example.org', '192.0.2.1:853'] },
  {
    input: 'tls://192.0.2.1%dns.example.org:8853',
    want: ['tls', '192.0.2.1', 8853, 'dns.example.org', '192.0.2.1:8853'],
  },
  { input: 'tls://2001:db8::1%a.example.org', want: ['tls', '2001:db8::1', 853, 'a.example.org', '[2001:db8::1]:853'] },
  { input: 'tls://[2001:db8::1%a.example.org]:1', want: ['tls', '2001:db8::1', 1, 'a.example.org', '[2001:db8::1]:1'] },
  { input: 'tls://[2001:db8::1]%a.example.org:1', want: ['tls', '2001:db8::1', 1, 'a.example.org', '[2001:db8::1]:1'] },
  { input: 'https://192.0.2.1', want: ['https', '192.0.2.1', 443, undefined, '192.0.2.1:443'] },
  { input: 'https://[2001:db8::1]:8443', want: ['https', '2001:db8::1', 8443, undefined, '[2001:db8::1]:8443'] },
  { input: 'https://192.0.2.1%dns.example.org', want: ['https', '192.0.2.1', 443, 'dns.example.org', '192.0.2.1:443'] },
] as const;
for (const { input, want } of endpoints) {
  test(`endpoint: ${input}`, () => {
    const target = parseTarget(input);
    assert.ok('endpoint' in target);
    const { protocol, address, port, serverName, text } = target.endpoint;
    assert.deepEqual([protocol, address, port, serverName, text], want);
  });
}

const named = (protocol: 'dns' | 'tls', hostname: string, port: number, serverName?: string) => {
  return { protocol, hostname, port, serverName };
};
const others = [
  { input: '/etc/resolv.conf', want: { file: '/etc/resolv.conf', server: undefined } },
  { input: 'resolv.conf', want: { file: 'resolv.conf', server: named('dns', 'resolv.conf', 53) } },
  { input: 'dns://resolv.conf', want: { file: 'resolv.conf', server: named('dns', 'resolv.conf', 53) } },
  {
    input: 'dns.example.org:5353',
    want: { file: 'dns.example.org:5353', server: named('dns', 'dns.example.org', 5353) },
  },
  { input: 'Kube-DNS', want: { file: 'Kube-DNS', server: named('dns', 'Kube-DNS', 53) } },
  { input: '<nil>', want: { file: '<nil>', server: undefined } },
  { input: '192.0.2.1:0', want: { file: '192.0.2.1:0', server: undefined } },
  { input: '192.0.2.1:65536', want: { file: '192.0.2.1:65536', server: undefined } },
  { input: '192.0.2.256', want: { file: '192.0.2.256', server: undefined } },
  { input: 'dns.example.org:0', want: { file: 'dns.example.org:0', server: undefined } },
  { input: 'a..example.org', want: { file: 'a..example.org', server: undefined } },
  { input: 'dns.example.org%a', want: { file: 'dns.example.org%a', server: undefined } },
  { input: 'tls://dns.example.org', want: { server: named('tls', 'dns.example.org', 853) } },
  {
    input: 'tls://a.example.org%b.example.org:8853',
    want: { server: named('tls', 'a.example.org', 8853, 'b.example.org') },
  },
  { input: '', want: { problem: 'not an IP address or file: ""' } },
  { input: 'tls://', want: { problem: 'not an IP address or file: ""' } },
  { input: 'tls://a.example.org%', want: { problem: 'not an IP address or file: "a.example.org%"' } },
  { input: 'tls:///etc/resolv.conf', want: { problem: 'not an IP address or file: "/etc/resolv.conf"' } },
  { input: 'https://dns.example.org', want: { problem: 'not an IP address or file: "dns.example.org"' } },
  { input: 'tls://192.0.2.1%', want: { problem: 'not an IP address or file: "192.0.2.1%"' } },
  {
    input: 'grpc://192.0.2.1:443',
    want: { problem: "'grpc' is not supported as a destination protocol in forward: grpc://192.0.2.1:443" },
  },
];
for (const { input, want } of others) {
  test(`no endpoint: "${input}"`, () => assert.deepEqual(parseTarget(input), want));
}
