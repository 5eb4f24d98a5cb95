/** For tests: the data that testdata/oracle.go has, and all functions. */
import { BUILTINS } from './functions.ts';
import { PARSE_INT } from './parse-int.ts';
import { strings, unsigned, type Value } from './values.ts';

export const FUNCTIONS = new Map([...BUILTINS, ['parseInt', PARSE_INT] as const]);

export function testData(): Value {
  const metadata = new Map([['forward/upstream', '192.0.2.53:53']]);
  return {
    kind: 'struct',
    type: '*template.templateData',
    text: '&{}',
    fields: {
      Zone: 'example.org.',
      Name: 'ip-10-1-2-3.example.org.',
      Regex: '^ip-(?P<a>[0-9]+)-',
      Class: 'IN',
      Type: 'A',
      Match: strings(['ip-10-1', '10', '1']),
      Group: { kind: 'map', entries: new Map(Object.entries({ 0: 'ip-10-1', 1: '10', 2: '1', a: '10', b: '0a' })) },
      Question: {
        kind: 'struct',
        type: '*template.question',
        text: ';IP-10-1-2-3.example.org.\tIN\t A',
        fields: { Name: 'IP-10-1-2-3.example.org.', Qtype: unsigned(1, 16), Qclass: unsigned(1, 16) },
      },
      Remote: '192.0.2.7',
    },
    methods: { Meta: { parameters: ['string'], call: ([name]) => metadata.get(String(name)) ?? '' } },
  };
}
