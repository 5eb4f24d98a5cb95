import { readU32 } from './bytes.ts';
import type { MessageView } from './view.ts';

// RFC 4034 §3.1: type covered, algorithm, labels, original TTL, then these two, each seconds since 1970 modulo 2^32.
const EXPIRATION_OFFSET = 8;
const INCEPTION_OFFSET = 12;
const PERIOD_END = 16;

const HALF_OF_SERIALS = 0x80000000;
const ALL_SERIALS = 0x100000000;

/** When a signature is valid: seconds since 1970, in 32 bits that wrap around; compare with `secondsUntil`. */
export type ValidityPeriod = { readonly inception: number; readonly expiration: number };

/** Of the RRSIG record `index`; undefined if its rdata is too short. */
export function rrsigValidityPeriod(view: MessageView, index: number): ValidityPeriod | undefined {
  if (view.rdataLength(index) < PERIOD_END) return undefined;
  const offset = view.rdataOffset(index);
  return {
    inception: readU32(view.bytes, offset + INCEPTION_OFFSET),
    expiration: readU32(view.bytes, offset + EXPIRATION_OFFSET),
  };
}

/**
 * Seconds from `nowSeconds` (since 1970, of any size) to a time of 32 bits, negative if that has passed: the nearer of
 * the two ways around (serial number arithmetic, RFC 1982, RFC 4034 §3.1.5).
 */
export function secondsUntil(time: number, nowSeconds: number): number {
  const difference = (((time - nowSeconds) % ALL_SERIALS) + ALL_SERIALS) % ALL_SERIALS;
  return difference < HALF_OF_SERIALS ? difference : difference - ALL_SERIALS;
}
