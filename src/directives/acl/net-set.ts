import { BYTE_BITS, type Cidr } from '../../wire/cidr.ts';

/** The networks of one family whose prefixes are of one length, by `keyOf`. */
type Nets = { readonly addressBytes: number; readonly bits: number; readonly keys: Set<string> };

/**
 * Networks, in which an address is found in a look-up for each length of prefix that there is: a list of thousands costs
 * a query no more than a short one.
 */
export class NetSet {
  readonly #byLength: Nets[] = [];

  add({ network, bits }: Cidr): void {
    const { length } = network;
    const known = this.#byLength.find((nets) => nets.addressBytes === length && nets.bits === bits);
    if (known !== undefined) known.keys.add(keyOf(network, bits));
    else this.#byLength.push({ addressBytes: length, bits, keys: new Set([keyOf(network, bits)]) });
  }

  /** Whether one of the networks has the address; `address` are its bytes. */
  has(address: Uint8Array): boolean {
    return this.#byLength.some(
      ({ addressBytes, bits, keys }) => addressBytes === address.length && keys.has(keyOf(address, bits)),
    );
  }
}

/** The first `bits` bits. */
function keyOf(address: Uint8Array, bits: number): string {
  const key = Buffer.from(address.subarray(0, Math.ceil(bits / BYTE_BITS)));
  const rest = bits % BYTE_BITS;
  if (rest > 0) key[key.length - 1] &= 0xff << (BYTE_BITS - rest);
  return key.toString('latin1');
}
