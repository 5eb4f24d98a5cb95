import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { parse } from './parse.ts';

const good: string[] = [
  'rewrite name a.example b.example',
  'rewrite STOP NAME EXACT a.example b.example',
  'rewrite continue name prefix a b answer auto',
  'rewrite name suffix .a.example .b.example answer auto answer value a b',
  'rewrite name substring a b answer name (.*) {1}.b answer value (.*) {1}.c',
  'rewrite name regex (.*)\\.a\\.example {1}.b.example answer name (.*)\\.b {1}.a value (.*)\\.b {1}.a',
  'rewrite name regex (a)(b) {0}{1}',
  'rewrite stop {\n name regex (.*)\\.a {1}.b\n answer name (.*)\\.b {1}.a\n}',
  'rewrite {\n continue name\n a.example\n b.example\n}',
  'rewrite name {\n a.example b.example\n}',
  'rewrite class CH IN',
  'rewrite type any hinfo',
  'rewrite type TYPE65400 A',
  'rewrite ttl a.example 30',
  'rewrite ttl regex (.*) 30-60',
  'rewrite ttl suffix a 30-',
  'rewrite ttl suffix a -4294967295',
  'rewrite rcode a.example SERVFAIL nxdomain',
  'rewrite rcode prefix a 23 0',
  'rewrite cname a.example b.example',
  'rewrite cname regex (.*)\\.a\\. {1}.b.',
  'rewrite edns0 local set 0xffee abcd',
  'rewrite edns0 local append 65518 0x61626364 revert',
  'rewrite edns0 local replace 0177756 {client_ip}',
  'rewrite edns0 LOCAL SET 0b11 {plugin/name}',
  'rewrite edns0 local unset 0xffee revert',
  'rewrite edns0 nsid set',
  'rewrite edns0 nsid unset',
  'rewrite edns0 subnet set 24 56',
  'rewrite edns0 subnet append 0 0 revert',
  'rewrite edns0 subnet unset',
];
for (const input of good) test(`parse: ${input}`, () => assert.ok(parse(cursorOf(input))));

const KINDS = 'supports only exact, prefix, suffix, substring, and regex name matching, received:';
const bad: { input: string; error: string; line?: number }[] = [
  {
    input: 'rewrite',
    error: 'no rule type specified for rewrite, expected name, type, class, ttl, rcode, cname, edns0',
  },
  {
    input: 'rewrite continue',
    error: 'no rule type specified for rewrite, expected name, type, class, ttl, rcode, cname, edns0',
  },
  {
    input: 'rewrite names a b',
    error: 'invalid rule type "names"; did you mean "name"?',
  },
  {
    input: 'rewrite toString a b',
    error: 'invalid rule type "toString", expected name, type, class, ttl, rcode, cname, edns0',
  },
  {
    input: 'rewrite stop answer name a b',
    error: 'response rewrites must begin with a name rule: put "name FROM TO" in front of "answer"',
  },
  { input: 'rewrite name a', error: 'too few arguments for a name rule, expected [KIND] FROM TO' },
  { input: 'rewrite name glob a b', error: `name rule ${KINDS} "glob"` },
  { input: 'rewrite name sufix a b', error: `name rule ${KINDS} "sufix"; did you mean "suffix"?` },
  { input: 'rewrite name a.example b.example answer auto', error: `name rule ${KINDS} "a.example"` },
  { input: 'rewrite name exact a b c', error: 'unexpected "c" behind a name exact rule, expected answer' },
  { input: 'rewrite name exact a b answer', error: 'answer: expected auto, name FROM TO or value FROM TO' },
  {
    input: 'rewrite name exact a b answer question',
    error: 'answer: invalid type "question", expected auto, name or value',
  },
  {
    input: 'rewrite name exact a b answer auto owner',
    error: 'answer: invalid type "owner", expected auto, name or value',
  },
  { input: 'rewrite name exact a b answer name a', error: 'answer name: 2 arguments required, FROM and TO' },
  {
    input: 'rewrite name suffix a b answer auto answer name a b',
    error: 'answer auto cannot be combined with answer name',
  },
  {
    input: 'rewrite name regex (a b',
    error: 'invalid regex matching pattern: error parsing regexp: missing closing ): `(a`',
  },
  {
    input: 'rewrite name regex (?=a) b',
    error: 'invalid regex matching pattern: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
  },
  {
    input: 'rewrite name regex (a) {1}{2}',
    error:
      'the rewrite regex pattern ({1}{2}) uses more subexpressions than its corresponding matching regex pattern ((a))',
  },
  {
    input: 'rewrite name regex a b answer value a {1}',
    error: 'the rewrite regex pattern ({1}) uses more subexpressions than its corresponding matching regex pattern (a)',
  },
  {
    input: 'rewrite name regex (a{0,1000}){0,1}(b{0,1000}){0,1} b',
    error:
      'invalid regex matching pattern repeats too much of itself: "(a{0,1000}){0,1}(b{0,1000}){0,1}"; lower the numbers in its braces',
  },
  {
    input: `rewrite name a ${'b'.repeat(1021)}`,
    error: 'TO is longer than a name can be: 1021 characters',
  },
  { input: 'rewrite class CH', error: 'class rules must have exactly two arguments, got 1' },
  { input: 'rewrite class CH INN', error: 'invalid class "INN", expected one such as IN or CH' },
  { input: 'rewrite type A AAAA MX', error: 'type rules must have exactly two arguments, got 3' },
  { input: 'rewrite type AA A', error: 'invalid type "AA", expected one such as A or AAAA' },
  {
    input: 'rewrite ttl 30',
    error: 'wrong number of arguments for a ttl rule, expected ttl [KIND] NAME TTL',
  },
  {
    input: 'rewrite ttl exact a 30 60',
    error: 'wrong number of arguments for a ttl rule, expected ttl [KIND] NAME TTL',
  },
  { input: 'rewrite ttl glob a 30', error: `ttl rule ${KINDS} "glob"` },
  ...['-', '60-30', '1-2-3', 'x', '4294967296', '30s', '-1-2'].map((ttl) => ({
    input: `rewrite ttl a ${ttl}`,
    error: `invalid TTL "${ttl}" for a ttl rule, expected one such as 30, 30-60, 30- or -60`,
  })),
  {
    input: 'rewrite rcode a SERVFAIL',
    error: 'wrong number of arguments for a rcode rule, expected rcode [KIND] NAME FROM TO',
  },
  { input: 'rewrite rcode a SERVFAIL 24', error: 'invalid rcode "24" for a rcode rule, expected a name or 0..23' },
  { input: 'rewrite rcode a BAD 0', error: 'invalid rcode "BAD" for a rcode rule, expected a name or 0..23' },
  { input: 'rewrite cname a', error: 'wrong number of arguments for a cname rule, expected cname [KIND] FROM TO' },
  { input: 'rewrite cname glob a b', error: `cname rule ${KINDS} "glob"` },
  { input: 'rewrite edns0 local', error: 'too few arguments for an edns0 rule, expected KIND ACTION' },
  { input: 'rewrite edns0 nsid revert', error: 'too few arguments for an edns0 rule, expected KIND ACTION' },
  { input: 'rewrite edns0 cookie set', error: 'invalid edns0 rule "cookie", expected local, nsid or subnet' },
  { input: 'rewrite edns0 nsid put', error: 'invalid action "put", expected set, replace, append, unset' },
  {
    input: 'rewrite edns0 local set 0xffee',
    error: 'wrong number of arguments for edns0 local, expected edns0 local ACTION CODE DATA',
  },
  {
    input: 'rewrite edns0 local unset 0xffee abc',
    error: 'wrong number of arguments for edns0 local, expected edns0 local ACTION CODE',
  },
  ...['65536', '0xfffff', '-1', '08', '0x', 'a'].map((code) => ({
    input: `rewrite edns0 local set ${code} abc`,
    error: `CODE must be 0..65535, got "${code}"`,
  })),
  {
    input: 'rewrite edns0 local set 1 0xabc',
    error: 'DATA must be an even number of hexadecimal digits behind 0x, got "0xabc"',
  },
  {
    input: 'rewrite edns0 local set 1 {client}',
    error:
      'unsupported variable name "{client}", expected {qname}, {qtype}, {client_ip}, {client_port}, {protocol}, {server_ip}, {server_port} or {plugin/name}',
  },
  { input: 'rewrite edns0 nsid set x', error: 'wrong number of arguments for edns0 nsid, expected edns0 nsid ACTION' },
  {
    input: 'rewrite edns0 subnet set 24',
    error: 'wrong number of arguments for edns0 subnet, expected edns0 subnet ACTION V4BITS V6BITS',
  },
  { input: 'rewrite edns0 subnet set 33 56', error: 'V4BITS must be 0..32, got "33"' },
  { input: 'rewrite edns0 subnet set 24 129', error: 'V6BITS must be 0..128, got "129"' },
  {
    input: 'rewrite stop {\n name regex (.*) {1}\n\n answer nam a b\n}',
    error: 'answer: invalid type "nam", expected auto, name or value',
    line: 4,
  },
  {
    input: 'rewrite stop {\n name exact a b {\n answer auto\n }\n}',
    error: 'name takes no block, got "answer"',
    line: 3,
  },
  {
    input: 'rewrite stop name {\n exact a b\n}',
    error: 'a block may follow "continue", "stop" or nothing: write the whole rule within it',
  },
];
for (const { input, error, line = 1 } of bad) {
  test(`parse: an error: ${input.slice(0, 100)}`, () => {
    assert.throws(() => parse(cursorOf(input)), {
      name: 'ConfigError',
      message: `Corefile:${line}: rewrite: ${error}`,
    });
  });
}
