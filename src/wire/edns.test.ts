import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { concatBytes } from './bytes.ts';
import { EDE_STALE_ANSWER, eachOption, encodeExtendedError, encodeOption, OPTION_COOKIE, OPTION_NSID } from './edns.ts';
import { buildMessage } from './testing/build.ts';
import { parseMessage } from './view.ts';

test('options are written and visited', () => {
  const options = concatBytes([
    encodeOption(OPTION_NSID, new Uint8Array(0)),
    encodeOption(OPTION_COOKIE, Uint8Array.of(1, 2, 3)),
    encodeExtendedError(EDE_STALE_ANSWER, 'stale – é'),
  ]);
  const view = parseMessage(buildMessage({ question: 'a. A', opt: { options } }));
  assert.ok(view.opt);
  const seen: string[] = [];
  const isWhole = eachOption(view.bytes, view.opt.optionsOffset, view.opt.optionsLength, (code, offset, length) => {
    seen.push(`${code}:${view.bytes.subarray(offset, offset + length).toHex()}`);
  });
  assert.equal(isWhole, true);
  assert.deepEqual(seen, ['3:', '10:010203', `15:0003${Buffer.from('stale – é').toString('hex')}`]);
});

test('an independent decoder reads our OPT', () => {
  const options = encodeOption(OPTION_COOKIE, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  const message = buildMessage({ question: 'a. A', opt: { udpPayloadBytes: 1400, flags: 0x8000, options } });
  const opt = dnsPacket.decode(Buffer.from(message)).additionals?.[0];
  assert.ok(opt?.type === 'OPT');
  assert.deepEqual([opt.udpPayloadSize, opt.extendedRcode, opt.ednsVersion, opt.flag_do], [1400, 0, 0, true]);
  assert.deepEqual(
    opt.options.map((option) => option.code),
    [OPTION_COOKIE],
  );
});

const cutCases = [
  { name: 'nothing', bytes: '', want: true, visited: 0 },
  { name: 'cut in the header of an option', bytes: '0003 0000 0003', want: false, visited: 1 },
  { name: 'longer than what is there', bytes: '0003 0002 00', want: false, visited: 0 },
];
for (const { name, bytes, want, visited } of cutCases) {
  test(`eachOption: ${name}`, () => {
    const options = Uint8Array.fromHex(bytes.replaceAll(' ', ''));
    let count = 0;
    assert.equal(
      eachOption(options, 0, options.length, () => count++),
      want,
    );
    assert.equal(count, visited);
  });
}
