/** For tests: messages whose records are written as letters, so that an order of records is a word. */
import { buildMessage } from '../../wire/testing/build.ts';
import { type MessageView, parseMessage } from '../../wire/view.ts';

const RECORDS: Readonly<Record<string, string>> = {
  a: 'www.example.org. A 192.0.2.1',
  b: 'www.example.org. A 192.0.2.2',
  c: 'www.example.org. A 198.51.100.3',
  d: 'www.example.org. A 198.51.100.200',
  v: 'www.example.org. AAAA 2001:db8::1',
  w: 'www.example.org. AAAA 2001:db8:f000::2',
  x: 'other.example.org. A 192.0.2.1',
  y: 'other.example.org. A 192.0.2.2',
  C: 'www.example.org. CNAME alias.example.org.',
  D: 'alias.example.org. CNAME other.example.org.',
  M: 'www.example.org. MX 10 mail1.example.org.',
  N: 'www.example.org. MX 20 mail2.example.org.',
  T: 'www.example.org. TXT "text"',
  S: 'www.example.org. SRV 0 0 53 other.example.org.',
};

/** The records that the letters stand for, as text. */
export function recordTexts(letters: string): string[] {
  return [...letters].map((letter) => RECORDS[letter] ?? `no record ${letter}`);
}

/** The records in the order that `arrange` gives their indices, as letters again. They are in the answer section. */
export function arranged(
  letters: string,
  arrange: (view: MessageView, records: readonly number[]) => readonly number[],
  qtype = 'A',
): string {
  const view = parseMessage(buildMessage({ question: `www.example.org. ${qtype}`, answer: recordTexts(letters) }));
  const order = arrange(
    view,
    Array.from(letters, (_, index) => index),
  );
  return order.map((index) => letters[index]).join('');
}
