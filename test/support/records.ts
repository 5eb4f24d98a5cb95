/** Records as lines of text, such as `www.example.org 300 A 192.0.2.1`, to and from what dns-packet uses. */
import type { Answer } from 'dns-packet';

/** Owner, TTL, type and data of one record. */
export function recordText(record: Answer): string {
  const ttl = 'ttl' in record ? record.ttl : 0;
  return `${record.name} ${ttl} ${record.type} ${rdataText(record)}`;
}

function rdataText(record: Answer): string {
  switch (record.type) {
    case 'OPT':
      return '';
    case 'MX':
      return `${record.data.preference} ${record.data.exchange}`;
    case 'SRV':
      return `${record.data.priority} ${record.data.weight} ${record.data.port} ${record.data.target}`;
    case 'SOA':
      return `${record.data.mname} ${record.data.rname} ${record.data.serial} ${record.data.minimum}`;
    case 'TXT':
      return [record.data].flat().map(String).join('');
    case 'RRSIG':
      return `${record.data.typeCovered} ${record.data.signersName}`;
    default:
      return typeof record.data === 'string' ? record.data : JSON.stringify(record.data);
  }
}

/** Reads the text again; for the types that scripted upstreams need. */
export function parseRecord(text: string): Answer {
  const [name, ttlText, type, ...data] = text.split(' ');
  const ttl = Number(ttlText);
  switch (type) {
    case 'A':
    case 'AAAA':
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return { name, ttl, type, data: data[0] };
    case 'TXT':
      return { name, ttl, type, data: data.join(' ') };
    case 'MX':
      return { name, ttl, type, data: { preference: Number(data[0]), exchange: data[1] } };
    case 'SRV': {
      const [priority, weight, port] = data.map(Number);
      return { name, ttl, type, data: { priority, weight, port, target: data[3] } };
    }
    case 'SOA': {
      const [mname, rname, serial, minimum] = data;
      const timers = { refresh: 7200, retry: 3600, expire: 1_209_600 };
      return { name, ttl, type, data: { mname, rname, serial: Number(serial), ...timers, minimum: Number(minimum) } };
    }
    default:
      throw new Error(`teach parseRecord the type of "${text}"`);
  }
}
