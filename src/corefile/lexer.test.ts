import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lex } from './lexer.ts';

// `want` has the words of a line joined by a blank, lines by " / "; `lines` the number of each word's line.
const cases = [
  { name: 'nothing', input: '', want: '', lines: [] },
  { name: 'words and lines', input: 'a b\n\tc\n\n d', want: 'a b / c / d', lines: [1, 1, 2, 4] },
  {
    name: 'a byte order mark is dropped at the start alone',
    input: '\ufeffa \ufeffb',
    want: 'a \ufeffb',
    lines: [1, 1],
  },
  { name: 'a carriage return is no space', input: 'a\rb c\r\nd\r\n', want: 'ab c / d', lines: [1, 1, 2] },
  { name: 'Unicode spaces', input: 'a\u00a0b\u3000c\u0085d\ve', want: 'a b c d e', lines: [1, 1, 1, 1, 1] },
  { name: 'a comment', input: '# a\nb # c "\nd', want: 'b / d', lines: [2, 3] },
  { name: 'a comment within a word', input: 'foo#bar baz\nqux', want: 'foo / qux', lines: [1, 2] },
  { name: 'a quote begins at the start of a word', input: 'a"b "c d"', want: 'a"b c d', lines: [1, 1] },
  { name: 'a closing quote ends the word', input: '"a"b', want: 'a b', lines: [1, 1] },
  { name: 'an empty word', input: 'a "" b', want: 'a  b', lines: [1, 1, 1] },
  { name: 'only the quote is escaped', input: '"a\\"b\\c\\\\" d', want: 'a"b\\c\\\\ d', lines: [1, 1] },
  { name: 'no escapes outside of quotes', input: 'a\\ b\\"c', want: 'a\\ b\\"c', lines: [1, 1] },
  { name: 'a hash in quotes', input: '"a#b" c', want: 'a#b c', lines: [1, 1] },
  {
    name: 'behind a quote of two lines the line goes on',
    input: 'a "b\r\nc" d\ne',
    want: 'a b\r\nc d / e',
    lines: [1, 1, 2, 3],
  },
  { name: 'a word on the line where a quote ends', input: '"a\nb"\nc', want: 'a\nb / c', lines: [1, 3] },
  { name: 'an open quote ends with the file', input: 'a "b c\n', want: 'a b c\n', lines: [1, 1] },
  { name: 'an open quote with nothing in it', input: 'a "', want: 'a', lines: [1] },
  { name: 'braces need not stand alone', input: 'a{ }b { }', want: 'a{ }b { }', lines: [1, 1, 1, 1] },
];
for (const { name, input, want, lines } of cases) {
  test(`lex: ${name}`, () => {
    const tokens = lex(input, 'Corefile');
    const joined = tokens.map(({ text, startsLine }, index) => `${index === 0 ? '' : startsLine ? ' / ' : ' '}${text}`);
    assert.equal(joined.join(''), want);
    assert.deepEqual(
      tokens.map(({ line }) => line),
      lines,
    );
  });
}

test('lex: a quoted brace can be told from a brace', () => {
  assert.deepEqual(
    lex('{ "{"', 'f').map(({ text, quoted }) => [text, quoted]),
    [
      ['{', false],
      ['{', true],
    ],
  );
});
