import assert from 'node:assert/strict';
import test from 'node:test';
import { parseCorefile } from '../corefile/parse.ts';
import { ADVICE } from '../directives/advice.ts';
import { COREDNS_DIRECTIVES } from '../directives/order.ts';
import { configure } from './configure.ts';

function configureText(text: string) {
  const options = { env: {}, defaultPort: 53, directiveNames: COREDNS_DIRECTIVES };
  return configure(parseCorefile(text, 'Corefile', options).blocks);
}

const errorCases = [
  {
    name: 'a directive that may stand only once',
    text: '. {\n  cache\n  whoami\n  cache 30\n}',
    errors: ['Corefile:4: cache: may stand only once in a server block, and does on line 2 already'],
  },
  {
    name: 'a directive of CoreDNS that is not here',
    text: '. {\n  kubernetes cluster.local\n}',
    errors: [
      'Corefile:2: kubernetes: nodens does not have this directive: the cluster DNS has these names; put "forward . ADDRESS" in a block for the zone, that of its Service',
    ],
  },
  {
    name: 'a transport that would be served in the clear',
    text: 'tls://example.org {\n  whoami\n}',
    errors: [
      'Corefile:1: nodens does not serve tls://, got "tls://example.org"; serve the zone as dns://example.org., or without a scheme',
    ],
  },
  {
    name: 'a transport that has no zones',
    text: 'unix:///run/dns {\n  whoami\n}',
    errors: ['Corefile:1: nodens does not serve unix://, got "unix:///run/dns"; remove the block'],
  },
  {
    name: 'all errors of all blocks at once, in order of lines',
    text: '. {\n  cache 0\n  bufsize 1\n}\nexample.org {\n  erratic\n  whoami 1\n}',
    errors: [
      'Corefile:2: cache: TTL must be 1 or more, got "0"',
      'Corefile:3: bufsize: SIZE must be 512..4096, got "1"',
      'Corefile:6: erratic: nodens does not have this directive: it is for tests of clients; remove it',
      'Corefile:7: whoami: takes no arguments, got 1',
    ],
  },
];

for (const { name, text, errors } of errorCases) {
  test(`configure: ${name}`, () => {
    assert.throws(() => configureText(text), { message: errors.join('\n') });
  });
}

for (const [name, advice] of ADVICE) {
  test(`configure: what to do instead of ${name} is said in one line, and at its place`, () => {
    const text = `. {\n  whoami\n  ${name} some {\n    thing\n  }\n}`;
    const message = `Corefile:3: ${name}: nodens does not have this directive: ${advice}`;
    assert.throws(() => configureText(text), { message });
    assert.doesNotMatch(advice, /\n/);
    assert.ok(message.length < 200, `${message.length} characters`);
  });
}

test('configure: directives come in the order of the chain, not of the file', () => {
  const [block] = configureText('. {\n  whoami\n  cache\n  errors\n  bufsize\n}');
  assert.deepEqual(
    block?.directives.map(({ directive }) => directive.name),
    ['bufsize', 'errors', 'cache', 'whoami'],
  );
});

test('configure: stanzas of forward are handlers of their own', () => {
  const [block] = configureText('. {\n  forward a.example.org 192.0.2.1\n  forward . 192.0.2.2\n}');
  assert.deepEqual(
    block?.directives.map(({ setUps }) => setUps.length),
    [2],
  );
});
