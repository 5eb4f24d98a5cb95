import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Gauge } from '../../observe/metrics.ts';
import { fakeLog } from '../../observe/testing.ts';
import { until } from '../../upstream/testing.ts';
import { formatIpv4 } from '../../wire/address.ts';
import { HostsFile } from './hosts-file.ts';

const CHANGED_AT_S = 1_700_000_000;
type Given = { readonly text?: string; readonly reloadMs?: number; readonly isDefault?: boolean };

/** A hosts file in a directory of its own, there from the start if it has text. */
function hostsFile(t: TestContext, { text, reloadMs = 5, isDefault = false }: Given) {
  const directory = mkdtempSync(join(tmpdir(), 'nodens-hosts-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'hosts');
  /** At once: half a file is never seen. All have the same time and size, unless the text is longer. */
  const write = (content: string) => {
    writeFileSync(`${path}.new`, content);
    utimesSync(`${path}.new`, CHANGED_AT_S, CHANGED_AT_S);
    renameSync(`${path}.new`, path);
  };
  if (text !== undefined) write(text);
  const { log, lines } = fakeLog();
  const gauges = { entries: new Gauge(), changedAt: new Gauge() };
  const options = { path, isDefault, reloadMs, zones: ['.'], withReverse: true };
  const file = new HostsFile(options, 100, log, gauges);
  t.after(() => file.close());
  const addresses = () => file.table.addresses('a.', 4).map((bytes) => formatIpv4(bytes));
  return { file, path, write, addresses, gauges, lines: () => lines().map((line) => line.replaceAll(path, 'FILE')) };
}

test('the file is read, and again when another one takes its place, though time and size are the same', async (t) => {
  const { file, write, addresses, gauges, lines } = hostsFile(t, { text: '192.0.2.1 a' });
  assert.deepEqual(addresses(), []);
  await file.open();
  assert.deepEqual(addresses(), ['192.0.2.1']);
  assert.deepEqual([gauges.entries.value, gauges.changedAt.value], [102, CHANGED_AT_S]);
  write('192.0.2.2 a');
  await until(() => addresses()[0] === '192.0.2.2', 'the change');
  assert.deepEqual(lines(), []);
});

test('a file that is written in place is read again', async (t) => {
  const { file, path, addresses, gauges } = hostsFile(t, { text: '192.0.2.1 a' });
  await file.open();
  writeFileSync(path, '192.0.2.1 a b\n192.0.2.2 a');
  await until(() => addresses().length === 2, 'the change');
  assert.equal(gauges.entries.value, 106);
});

test('a file that is gone keeps its entries, which is said once, until it is back', async (t) => {
  const { file, path, write, addresses, lines } = hostsFile(t, { text: '192.0.2.1 a' });
  await file.open();
  rmSync(path);
  await until(() => lines().length > 0, 'the warning');
  assert.deepEqual(addresses(), ['192.0.2.1']);
  write('192.0.2.2 a');
  await until(() => addresses()[0] === '192.0.2.2', 'the file');
  assert.deepEqual(lines(), ['[WARNING] keeping the entries of FILE: no such file or directory']);
});

test('with reload 0 it is read once', async (t) => {
  const { file, write, addresses } = hostsFile(t, { text: '192.0.2.1 a', reloadMs: 0 });
  await file.open();
  write('192.0.2.2 a');
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(addresses(), ['192.0.2.1']);
});

test('once closed it is not read again', async (t) => {
  const { file, write, addresses } = hostsFile(t, { text: '192.0.2.1 a' });
  await file.open();
  file.close();
  write('192.0.2.2 a');
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(addresses(), ['192.0.2.1']);
});

test('a file that is not there yet is read when it comes', async (t) => {
  const { file, write, addresses, lines } = hostsFile(t, {});
  await file.open();
  assert.deepEqual(lines(), ['[WARNING] File does not exist: FILE']);
  write('192.0.2.1 a');
  await until(() => addresses().length === 1, 'the file');
  assert.equal(lines().length, 1);
});

test('the default file need not be there', async (t) => {
  const { file, lines } = hostsFile(t, { isDefault: true });
  await file.open();
  assert.deepEqual(lines(), []);
});

test('a directory is a warning', async (t) => {
  const { file, path, lines } = hostsFile(t, { reloadMs: 0 });
  mkdirSync(path);
  await file.open();
  assert.deepEqual(lines(), ['[WARNING] Hosts file "FILE" is a directory']);
});

test('what is in the way to the file is an error', async (t) => {
  const { path } = hostsFile(t, { text: '192.0.2.1 a' });
  const gauges = { entries: new Gauge(), changedAt: new Gauge() };
  const options = { path: join(path, 'x'), isDefault: false, reloadMs: 5, zones: ['.'], withReverse: true };
  const file = new HostsFile(options, 0, fakeLog().log, gauges);
  await assert.rejects(file.open(), { message: `unable to access hosts file '${path}/x': not a directory` });
});
