import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameToText } from '../wire/name.ts';
import { parseResolvConf, parseSearchList } from './resolv-conf.ts';

const cases: { name: string; input: string; want: string[]; ignored?: string[] }[] = [
  { name: 'an empty file', input: '', want: [] },
  { name: 'one nameserver', input: 'nameserver 192.0.2.1\n', want: ['192.0.2.1:53'] },
  { name: 'no newline at the end', input: 'nameserver 192.0.2.1', want: ['192.0.2.1:53'] },
  {
    name: 'order and duplicates are kept',
    input: 'nameserver 192.0.2.2\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n',
    want: ['192.0.2.2:53', '192.0.2.1:53', '192.0.2.2:53'],
  },
  {
    name: 'IPv6, zone dropped',
    input: 'nameserver 2001:db8::1\nnameserver fe80::1%eth0\n',
    want: ['[2001:db8::1]:53', '[fe80::1]:53'],
  },
  {
    name: 'tabs, indentation, CRLF',
    input: '\tnameserver\t192.0.2.1\r\n  nameserver   192.0.2.2  \r\n',
    want: ['192.0.2.1:53', '192.0.2.2:53'],
  },
  { name: 'the rest of the line is ignored', input: 'nameserver 192.0.2.1 192.0.2.2 # both\n', want: ['192.0.2.1:53'] },
  {
    name: 'other lines are ignored',
    input:
      '# a comment\n;nameserver 192.0.2.9\nsearch a.example.org\ndomain example.org\noptions ndots:5\n#nameserver 192.0.2.8\nnameserver 192.0.2.1\n',
    want: ['192.0.2.1:53'],
  },
  { name: 'nothing behind the keyword', input: 'nameserver\nnameserver \n', want: [] },
  {
    name: 'no IP address',
    input: 'nameserver dns.example.org\nnameserver 192.0.2.1\n',
    want: ['192.0.2.1:53'],
    ignored: ['dns.example.org'],
  },
];
for (const { name, input, want, ignored = [] } of cases) {
  test(`resolv.conf: ${name}`, () => {
    const parsed = parseResolvConf(input);
    assert.deepEqual(
      parsed.nameservers.map((endpoint) => endpoint.text),
      want,
    );
    assert.deepEqual(parsed.ignored, ignored);
  });
}

const searchCases = [
  { name: 'an empty file', input: '', want: [] },
  { name: 'other lines alone', input: 'nameserver 192.0.2.1\noptions ndots:5\n# search a\n', want: [] },
  {
    name: 'in its order, lower case, with final dots',
    input: 'search B.example.org. a.example.org\n',
    want: ['b.example.org.', 'a.example.org.'],
  },
  { name: 'the last line counts', input: 'search a b\nsearch c\n', want: ['c.'] },
  { name: 'domain counts as well', input: 'search a b\n domain c.example.org\n', want: ['c.example.org.'] },
  { name: 'search behind domain', input: 'domain c.example.org\nsearch a b', want: ['a.', 'b.'] },
  { name: 'of domain the first value', input: 'domain a b\n', want: ['a.'] },
  { name: 'a line without values', input: 'search a\nsearch\n', want: [] },
  { name: 'the root is no domain to search', input: 'search .\n', want: [] },
  { name: 'what is no name', input: 'search a..b ok.example.org\n', want: ['ok.example.org.'] },
  { name: 'tabs and CRLF', input: '\tsearch\ta  b\r\n', want: ['a.', 'b.'] },
];
for (const { name, input, want } of searchCases) {
  test(`search list: ${name}`, () => {
    assert.deepEqual(
      parseSearchList(input).map((domain) => nameToText(domain, 0)),
      want,
    );
  });
}
