import { isIP } from 'node:net';
import os from 'node:os';
import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { expectNoBody, unknownProperty } from '../../corefile/values.ts';
import type { Block, Directive } from '../contract.ts';

export type BindConfig = {
  readonly cursor: Cursor;
  /** Addresses and interface names, to listen on and to leave out. */
  readonly addresses: readonly Token[];
  readonly except: readonly Token[];
};

/** As os.networkInterfaces gives them. */
type Interfaces = { readonly [name: string]: readonly InterfaceAddress[] | undefined };
/** `scopeid` is not 0 for link-local addresses. */
type InterfaceAddress = { readonly address: string; readonly scopeid?: number | undefined };

/** Syntax: `bind ADDRESS|INTERFACE... { except ADDRESS|INTERFACE... }` */
export function parse(cursor: Cursor): BindConfig {
  if (cursor.args.length === 0) throw cursor.error('at least one address or interface name is expected');
  const except = cursor.body.flatMap((property) => {
    if (property.name.text !== 'except') throw unknownProperty(property, ['except']);
    if (property.args.length === 0) throw property.error('except: at least one address or interface name is expected');
    expectNoBody(property);
    return property.args;
  });
  return { cursor, addresses: cursor.args, except };
}

/** The addresses that the configuration means on a host with these interfaces; throws ConfigError. */
export function expand({ cursor, addresses, except }: BindConfig, interfaces: Interfaces): string[] {
  const excluded = new Set(except.flatMap((token) => addressesOf(cursor, token, interfaces)));
  const all = addresses.flatMap((token) => addressesOf(cursor, token, interfaces));
  const left = all.filter((address) => !excluded.has(address));
  // No address at all would mean every address of the host.
  if (left.length === 0) throw cursor.error('except leaves no address to listen on; name one less');
  return left;
}

function addressesOf(cursor: Cursor, token: Token, interfaces: Interfaces): string[] {
  const { text } = token;
  const found = interfaces[text];
  if (found !== undefined) return found.map(({ address, scopeid }) => (scopeid ? `${address}%${text}` : address));
  if (isIP(text) === 0) {
    throw cursor.error(`not a valid IP address or interface name: "${text}"; names of hosts are not looked up`, token);
  }
  return [text];
}

function setup(config: BindConfig, block: Block): undefined {
  block.listener.addresses.push(...expand(config, os.networkInterfaces()));
}

export const bind: Directive<BindConfig> = { name: 'bind', repeat: 'each', parse, setup };
