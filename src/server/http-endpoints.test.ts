import assert from 'node:assert/strict';
import test from 'node:test';
import { cursorOf } from '../corefile/testing.ts';
import { checkHttpEndpoints } from './http-endpoints.ts';
import { serverId } from './targets.ts';

const cases = [
  { http: ['127.0.0.1', 53], dns: ['127.0.0.1', 53], want: '127.0.0.1:53 is where dns://127.0.0.1:53' },
  { http: ['localhost', 53], dns: ['127.0.0.1', 53], want: 'localhost:53 is where dns://127.0.0.1:53' },
  { http: ['', 53], dns: ['::1', 53], want: ':53 is where dns://[::1]:53' },
  { http: ['192.0.2.1', 53], dns: ['', 53], want: '192.0.2.1:53 is where dns://:53' },
  { http: ['::1', 53], dns: ['0.0.0.0', 53], want: '[::1]:53 is where dns://0.0.0.0:53' },
  { http: ['127.0.0.1', 8080], dns: ['127.0.0.1', 53], want: undefined },
  { http: ['127.0.0.2', 53], dns: ['127.0.0.1', 53], want: undefined },
  { http: ['127.0.0.1', 0], dns: ['127.0.0.1', 0], want: undefined }, // The kernel chooses one for each.
] as const;

for (const { http, dns, want } of cases) {
  test(`HTTP at ${http.join(' ')} and DNS at ${dns.join(' ')}: ${want === undefined ? 'accepted' : 'an error'}`, () => {
    const endpoint = { address: { host: http[0], port: http[1] }, line: cursorOf('health') };
    const target = { id: serverId(dns[0], dns[1]), address: dns[0], port: dns[1] };
    const check = () => checkHttpEndpoints([endpoint], [target]);
    const message = `Corefile:1: health: ${want} answers DNS over TCP; choose another port`;
    if (want === undefined) check();
    else assert.throws(check, { name: 'ConfigError', message });
  });
}
